import { Over } from "./Parts.tsx";

const KEYS: [string, string][] = [
  ["Ctrl K", "Go to an experiment, a run or a page"],
  ["/", "Filter what is shown"],
  ["?", "Show the keys"],
  ["g e", "Go to the experiments"],
  ["g a", "Go to the alerts"],
  ["g r", "Go to all runs"],
  ["d", "In a comparison: only what differs, or all"],
  ["t", "Change between dark and light"],
  ["↑ ↓", "Choose a completion in the filter"],
  ["Tab", "Take a completion over"],
  ["Esc", "Close a window or leave the filter"],
  ["Drag", "Zoom into a chart; a double click zooms out"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Over title="Keys" onClose={onClose} className="small">
      <h2>Keys</h2>
      <dl className="keys">
        {KEYS.map(([key, said]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{said}</dd>
          </div>
        ))}
      </dl>
    </Over>
  );
}
