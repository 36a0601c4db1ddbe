import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Link, Route, Routes } from "react-router";
import { Refusal } from "./api.ts";
import { useLive } from "./live.ts";
import { ExperimentPage } from "./pages/Experiment.tsx";
import { ExperimentsPage } from "./pages/Experiments.tsx";
import { RunPage } from "./pages/Run.tsx";
import "uplot/dist/uPlot.min.css";
import "./style.css";

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
  return (
    <>
      <header>
        <Link to="/" className="home">
          <img src="/icon.svg" alt="" width="22" height="22" /> LLM-Research-Lab
        </Link>
        <span className={connected ? "live" : "live lost"} role="status">
          {connected ? "live" : "reconnecting…"}
        </span>
      </header>
      <main>
        <Routes>
          <Route path="/" element={<ExperimentsPage />} />
          <Route path="/experiments/:experiment" element={<ExperimentPage />} />
          <Route path="/runs/:run" element={<RunPage />} />
          <Route path="*" element={<p className="empty">There is no such page.</p>} />
        </Routes>
      </main>
    </>
  );
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <BrowserRouter>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
}
