import { execFileSync } from "node:child_process";
import { type Browser, chromium } from "playwright-core";

/** The Chromium of this machine: the one that `LAB_CHROMIUM` names, or the one on the path. */
export function launch(): Promise<Browser> {
  const program = process.env.LAB_CHROMIUM ?? "chromium";
  const executablePath = execFileSync("which", [program], { encoding: "utf8" }).trim();
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}
