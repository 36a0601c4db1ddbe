import dagre from "@dagrejs/dagre";
import { useQuery } from "@tanstack/react-query";
import {
  Background,
  Controls,
  type Edge,
  MarkerType,
  type Node,
  Position,
  ReactFlow,
  ReactFlowProvider,
} from "@xyflow/react";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import * as api from "../api/index.ts";
import { Failure, Skeleton } from "../components/Parts.tsx";
import { flatten } from "../format.ts";
import { tell } from "../notices.tsx";
import { useIsDark } from "../theme.ts";
import "@xyflow/react/dist/style.css";

const WIDTH = 190;
const HEIGHT = 46;

/** What came from what, around one thing: a graph that is followed up and down. */
export default function Lineage({ node }: { node: string }) {
  return (
    <ReactFlowProvider key={node}>
      <Graph root={node} />
    </ReactFlowProvider>
  );
}

function Graph({ root }: { root: string }) {
  const query = useQuery({ queryKey: ["lineage", root], queryFn: () => api.lineage(root, "both", 2) });
  const [more, setMore] = useState<api.LineageGraph[]>([]);
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState(root);
  const isDark = useIsDark();
  const graph = useMemo(() => merged([...(query.data === undefined ? [] : [query.data]), ...more]), [query.data, more]);
  const types = [...new Set(graph.nodes.map((node) => typeOf(node.id)))].sort();
  const { nodes, edges } = useMemo(() => laidOut(graph, without, root, chosen), [graph, without, root, chosen]);
  const picked = graph.nodes.find((node) => node.id === chosen);
  const expand = async (direction: "ancestors" | "descendants") => {
    try {
      const found = await api.lineage(chosen, direction, 1);
      const known = new Set(graph.nodes.map((node) => node.id));
      const fresh = found.nodes.filter((node) => !known.has(node.id)).length;
      if (fresh === 0) tell(direction === "ancestors" ? "It came from nothing else." : "Nothing else came from it.");
      setMore([...more, found]);
    } catch (error) {
      tell((error as Error).message, { isBad: true });
    }
  };
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton />;
  const toggle = (type: string) => {
    const after = new Set(without);
    if (!after.delete(type)) after.add(type);
    setWithout(after);
  };
  return (
    <section aria-label="Lineage" className="lineage">
      <div className="controls">
        {types.map((type) => (
          <label key={type}>
            <input type="checkbox" checked={!without.has(type)} onChange={() => toggle(type)} />{" "}
            <span className={`node-type ${type}`}>{type.replace("_", " ")}</span>
          </label>
        ))}
        {graph.truncated && <span className="quiet">There is more than is shown.</span>}
      </div>
      <div className="lineage-body">
        <div className="flow">
          <ReactFlow
            nodes={nodes}
            edges={edges}
            fitView
            fitViewOptions={{ maxZoom: 1, padding: 0.15 }}
            minZoom={0.1}
            colorMode={isDark ? "dark" : "light"}
            nodesConnectable={false}
            nodesDraggable={false}
            proOptions={{ hideAttribution: true }}
            onNodeClick={(_, node) => setChosen(node.id)}
            ariaLabelConfig={{ "node.a11yDescription.default": "Press Enter to choose it." }}
          >
            <Background />
            <Controls showInteractive={false} />
          </ReactFlow>
        </div>
        {picked !== undefined && (
          <aside aria-label="Chosen">
            <h2>{picked.label}</h2>
            <p className="quiet">{typeOf(picked.id).replace("_", " ")}</p>
            <Open node={picked.id} />
            <p>
              <button type="button" onClick={() => void expand("ancestors")}>
                What it came from
              </button>{" "}
              <button type="button" onClick={() => void expand("descendants")}>
                What came from it
              </button>
            </p>
            <table>
              <tbody>
                {flatten(picked.metadata ?? {}).map(([name, value]) => (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td className="prose">{value}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </aside>
        )}
      </div>
    </section>
  );
}

const typeOf = (id: string) => id.slice(0, id.indexOf(":"));

function Open({ node }: { node: string }) {
  const key = node.slice(node.indexOf(":") + 1);
  if (node.startsWith("run:")) return <Link to={`/runs/${key}`}>Open the run</Link>;
  if (node.startsWith("experiment:")) return <Link to={`/experiments/${key}`}>Open the experiment</Link>;
  if (node.startsWith("artifact:")) {
    return (
      <a href={api.artifactUrl(key)} download>
        Download
      </a>
    );
  }
  return null;
}

function merged(graphs: api.LineageGraph[]): api.LineageGraph {
  const nodes = new Map(graphs.flatMap((graph) => graph.nodes.map((node) => [node.id, node])));
  const edges = new Map(
    graphs.flatMap((graph) => graph.edges.map((edge) => [`${edge.from} ${edge.type} ${edge.to}`, edge])),
  );
  return { nodes: [...nodes.values()], edges: [...edges.values()], truncated: graphs.some((graph) => graph.truncated) };
}

/** Edges that are read against the way influence flows: a run uses a dataset, which was there before. */
const BACKWARD = new Set(["uses_dataset", "uses_model", "derived_from"]);

function laidOut(
  graph: api.LineageGraph,
  without: ReadonlySet<string>,
  root: string,
  chosen: string,
): { nodes: Node[]; edges: Edge[] } {
  const shown = graph.nodes.filter((node) => node.id === root || !without.has(typeOf(node.id)));
  const ids = new Set(shown.map((node) => node.id));
  const layout = new dagre.graphlib.Graph()
    .setGraph({ rankdir: "LR", nodesep: 18, ranksep: 70 })
    .setDefaultEdgeLabel(() => ({}));
  for (const node of shown) layout.setNode(node.id, { width: WIDTH, height: HEIGHT });
  const edges = graph.edges
    .filter((edge) => ids.has(edge.from) && ids.has(edge.to))
    .map((edge): Edge => {
      const [source, target] = BACKWARD.has(edge.type) ? [edge.to, edge.from] : [edge.from, edge.to];
      layout.setEdge(source, target);
      return {
        id: `${edge.from} ${edge.type} ${edge.to}`,
        source,
        target,
        label: edge.type.replaceAll("_", " "),
        markerEnd: { type: MarkerType.ArrowClosed },
      };
    });
  dagre.layout(layout);
  const nodes = shown.map((node): Node => {
    const { x, y } = layout.node(node.id) as { x: number; y: number };
    return {
      id: node.id,
      position: { x: x - WIDTH / 2, y: y - HEIGHT / 2 },
      data: { label: node.label },
      width: WIDTH,
      height: HEIGHT,
      sourcePosition: Position.Right,
      targetPosition: Position.Left,
      className: `node ${typeOf(node.id)}${node.id === root ? " root" : ""}`,
      selected: node.id === chosen,
      ariaLabel: `${typeOf(node.id).replace("_", " ")} ${node.label}`,
    };
  });
  return { nodes, edges };
}
