import { Link, useParams } from "react-router";
import { useTitle } from "../components/Parts.tsx";
import Lineage from "./Lineage.tsx";

export default function LineagePage() {
  const { node = "" } = useParams();
  useTitle("Lineage");
  return (
    <>
      <nav className="crumbs" aria-label="Where this is">
        <Link to="/">Experiments</Link>
      </nav>
      <h1>Lineage</h1>
      <Lineage node={node} />
    </>
  );
}
