/** A server over a store of its own, and what a logging client would send it. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BUILT = fileURLToPath(new URL("../../target/debug/lab", import.meta.url));

export interface Point {
  name: string;
  value: number | "NaN" | "Infinity" | "-Infinity";
  step?: number;
  time?: string;
}

export class Lab {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private server: ChildProcess,
  ) {}

  static async start(): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), "lab-page-"));
    execFileSync(program(), ["init", folder, "--quiet"], { env: environment(folder), stdio: "pipe" });
    const { url, server } = await serve(folder, "127.0.0.1:0");
    return new Lab(url, folder, server);
  }

  /** Ends the server; what it holds stays. */
  async halt(): Promise<void> {
    const ended = new Promise((resolve) => this.server.once("exit", resolve));
    this.server.kill("SIGKILL");
    await ended;
  }

  /** Starts the server again where it was. */
  async resume(): Promise<void> {
    ({ server: this.server } = await serve(this.folder, new URL(this.url).host));
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
      headers: { "content-type": isBytes ? "application/octet-stream" : "application/json" },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  get<T>(path: string): Promise<T> {
    return this.send("GET", path);
  }

  post<T = unknown>(path: string, body: unknown): Promise<T> {
    return this.send("POST", path, body);
  }

  /** An experiment that takes runs. */
  async experiment(name: string, more: object = {}): Promise<string> {
    const { id } = await this.post<{ id: string }>("/experiments", { name, ...more });
    await this.post(`/experiments/${id}/status`, { status: "active" });
    return id;
  }

  /** A run that has begun. */
  async run(experiment: string, body: object = {}): Promise<string> {
    const { id } = await this.post<{ id: string }>(`/experiments/${experiment}/runs`, body);
    return id;
  }

  /** Does something `count` times, some at once. */
  async many(count: number, act: (i: number) => Promise<unknown>): Promise<void> {
    let next = 0;
    const work = async () => {
      while (next < count) await act(next++);
    };
    await Promise.all(Array.from({ length: 24 }, work));
  }

  /** Points at steps 0, 1, 2 …, a second apart, the last one now. */
  async log(run: string, series: Record<string, number[]>, from = 0): Promise<void> {
    const now = Date.now() * 1000;
    await this.post(`/runs/${run}/metrics`, {
      series: Object.entries(series).map(([name, values]) => ({
        name,
        values: values.map((value) => (Number.isFinite(value) ? value : String(value))),
        steps: values.map((_, i) => from + i),
        times_micros: values.map((_, i) => now - (values.length - 1 - i) * 1_000_000),
      })),
    });
  }

  async points(run: string, points: Point[]): Promise<void> {
    await this.post(`/runs/${run}/metrics`, { points });
  }

  async print(run: string, lines: { level: string; text: string }[]): Promise<void> {
    const time = new Date().toISOString();
    await this.post(`/runs/${run}/log`, { lines: lines.map((line) => ({ ...line, time })) });
  }

  async artifact(run: string, name: string, content: Uint8Array | string, type = "file"): Promise<string> {
    const query = new URLSearchParams({ name, type });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const { id } = await this.send<{ id: string }>("PUT", `/runs/${run}/artifacts?${query}`, bytes);
    return id;
  }

  async complete(run: string): Promise<void> {
    await this.post(`/runs/${run}/status`, { action: "complete" });
  }

  async fail(run: string, error: object): Promise<void> {
    await this.post(`/runs/${run}/status`, { action: "fail", error });
  }
}

const program = () => process.env.LAB_BIN ?? BUILT;

function environment(folder: string) {
  return { PATH: process.env.PATH ?? "", HOME: folder, USER: "ada", LAB_DIR: join(folder, ".lab") };
}

async function serve(folder: string, listen: string): Promise<{ url: string; server: ChildProcess }> {
  const server = spawn(program(), ["serve", "--json", "--listen", listen], {
    env: environment(folder),
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: server.stdout })) {
    return { url: (JSON.parse(line) as { url: string }).url, server };
  }
  throw new Error(`${program()} serve ended before it was ready`);
}

/** A curve that falls as losses do, with noise that is the same every time. */
export function falling(points: number, seed: number, floor = 0.2): number[] {
  let state = seed * 2_654_435_761 + 1;
  const noise = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Array.from({ length: points }, (_, i) => floor + 2 * Math.exp((-4 * i) / points) + 0.15 * noise());
}
