import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Link, NavLink, Route, Routes, useNavigate } from "react-router";
import { Refusal } from "./api/index.ts";
import { Help } from "./components/Keys.tsx";
import { Palette } from "./components/Palette.tsx";
import { Skeleton } from "./components/Parts.tsx";
import { useKeys } from "./components/useKeys.ts";
import { ExperimentsPage } from "./experiments/ExperimentsPage.tsx";
import { useLive } from "./live.ts";
import { Notices } from "./notices.tsx";
import { RunPage } from "./run/RunPage.tsx";
import { ExperimentPage, ManyRunsPage } from "./runs/RunsPage.tsx";
import { nextTheme, useTheme } from "./theme.ts";
import "uplot/dist/uPlot.min.css";
import "./style.css";

const ComparePage = lazy(() => import("./compare/ComparePage.tsx").then((module) => ({ default: module.ComparePage })));
const AlertsPage = lazy(() => import("./alerts/AlertsPage.tsx"));
const LineagePage = lazy(() => import("./lineage/LineagePage.tsx"));

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refused it will refuse again.
      retry: (count, error) => count < 2 && !(error instanceof Refusal && error.status >= 400 && error.status < 500),
    },
  },
});

function App() {
  const connected = useLive();
  const theme = useTheme();
  const navigate = useNavigate();
  const [over, setOver] = useState<"palette" | "help">();
  const close = () => setOver(undefined);
  const keys = useMemo(
    () => ({
      "Ctrl K": () => setOver("palette"),
      "?": () => setOver("help"),
      "/": () => document.getElementById("filter")?.focus(),
      "g e": () => void navigate("/"),
      "g a": () => void navigate("/alerts"),
      "g r": () => void navigate("/runs"),
      t: nextTheme,
    }),
    [navigate],
  );
  useKeys(keys);
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <Link to="/" className="home">
          <img src="/icon.svg" alt="" width="20" height="20" /> LLM-Research-Lab
        </Link>
        <nav aria-label="Pages">
          <NavLink to="/" end>
            Experiments
          </NavLink>
          <NavLink to="/runs">Runs</NavLink>
          <NavLink to="/alerts">Alerts</NavLink>
        </nav>
        <span className="spacer" />
        <button type="button" className="bare" onClick={() => setOver("palette")} title="Ctrl K">
          Go to <kbd>Ctrl K</kbd>
        </button>
        <button type="button" className="bare" onClick={() => setOver("help")} aria-label="Keys" title="Keys">
          ?
        </button>
        <button
          type="button"
          className="bare"
          onClick={nextTheme}
          title={`Theme: ${theme}`}
          aria-label={`Theme: ${theme}`}
        >
          {theme === "dark" ? "☾" : theme === "light" ? "☀" : "◐"}
        </button>
        <span className={connected ? "live" : "live lost"} role="status">
          {connected ? "live" : "reconnecting…"}
        </span>
      </header>
      <main id="main">
        <Suspense fallback={<Skeleton />}>
          <Routes>
            <Route path="/" element={<ExperimentsPage />} />
            <Route path="/experiments/:experiment" element={<ExperimentPage />} />
            <Route path="/runs" element={<ManyRunsPage />} />
            <Route path="/runs/:run/:tab?" element={<RunPage />} />
            <Route path="/alerts" element={<AlertsPage />} />
            <Route path="/compare" element={<ComparePage />} />
            <Route path="/lineage/:node" element={<LineagePage />} />
            <Route path="*" element={<p className="empty">There is no such page.</p>} />
          </Routes>
        </Suspense>
      </main>
      {over === "palette" && <Palette onClose={close} onHelp={() => setOver("help")} />}
      {over === "help" && <Help onClose={close} />}
      <Notices />
    </>
  );
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        {/* What is typed is kept in the address: as a transition it would lag behind the keys. */}
        <BrowserRouter useTransitions={false}>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
}
