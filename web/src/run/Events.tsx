import { useQuery } from "@tanstack/react-query";
import * as api from "../api/index.ts";
import { exactTime, Failure, Skeleton } from "../components/Parts.tsx";
import { number, size } from "../format.ts";

/** What happened to a run, latest first; measurements in a row are one line. */
export default function Events({ run }: { run: string }) {
  const query = useQuery({
    queryKey: ["events", run],
    queryFn: async () => {
      const all: api.LabEvent[] = [];
      for (let after = 0; ; ) {
        const { items, after: next, last } = await api.events(run, after);
        all.push(...items);
        if (items.length === 0 || next >= last) return all;
        after = next;
      }
    },
  });
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton />;
  const lines: { key: number; at: string; text: string }[] = [];
  let points = 0;
  for (const event of query.data) {
    points = event.type === "metrics_logged" ? points + Number(event.points) : 0;
    const line = {
      key: event.seq,
      at: event.at,
      text: points > 0 ? `logged ${points.toLocaleString()} points` : said(event),
    };
    if (points > Number(event.points ?? 0)) lines.pop();
    lines.push(line);
  }
  return (
    <ol className="events">
      {lines.reverse().map((line) => (
        <li key={line.key}>
          <time dateTime={line.at} title={exactTime(line.at)}>
            {new Date(line.at).toLocaleString()}
          </time>{" "}
          {line.text}
        </li>
      ))}
    </ol>
  );
}

function said(event: api.LabEvent): string {
  switch (event.type) {
    case "run_created":
      return "was created";
    case "run_updated":
      return `changed: ${(event.fields as string[]).join(", ")}`;
    case "run_failed": {
      const error = event.error as api.RunError;
      return `failed: ${error.type}: ${error.message}`;
    }
    case "artifact_logged":
      return `logged ${event.name}, ${size(Number(event.size_bytes))}`;
    case "threshold_crossed": {
      const { direction, value } = event.threshold as api.Threshold;
      const at = event.step === undefined ? "" : ` at step ${event.step}`;
      return `${event.metric} was ${number(event.value as api.Float)}${at}, ${direction} the ${event.level} threshold of ${number(value)}`;
    }
    case "threshold_cleared":
      return `${event.metric} is within its thresholds again: ${number(event.value as api.Float)}`;
    default:
      return event.type.replace(/^run_/, "").replaceAll("_", " ");
  }
}
