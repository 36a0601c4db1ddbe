import {
  columnPinningFeature,
  columnResizingFeature,
  columnSizingFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import type { Run } from "../api/index.ts";
import { runColour } from "../colours.ts";
import { Dot, Menu, useNow } from "../components/Parts.tsx";
import { parse, title } from "../fields.ts";
import { type Column, cell, isFigure, TAGS, text, widthOf } from "./columns.tsx";

const ROW = 32;
const MARKS = "marks";
const NAME = "name";
const NO_ROWS: Run[] = [];
const ignore = () => undefined;
const features = tableFeatures({ columnPinningFeature, columnResizingFeature, columnSizingFeature });

interface Props {
  rows: Run[];
  total: number;
  columns: Column[];
  pinned: string[];
  sort: string;
  shown: ReadonlySet<string>;
  selected: ReadonlySet<string>;
  hasExperiments: boolean;
  loadMore: () => void;
  onColumns: (columns: Column[]) => void;
  onPin: (pinned: string[]) => void;
  onSort: (sort: string) => void;
  onGroup: (field: string) => void;
  /** Absent where runs are neither drawn nor selected. */
  onShow?: (run: Run) => void;
  onSelect?: (selected: ReadonlySet<string>) => void;
}

interface Place {
  id: string;
  width: number;
  /** Where a pinned column stands. */
  left?: number;
}

/** A table of any number of runs: only the cells in sight are there. */
export function RunsTable(props: Props) {
  const { rows, total, columns, pinned, sort, loadMore, onColumns } = props;
  // Rows are drawn again only where they change, so what they call must always be the latest.
  const latest = useRef(props.onShow);
  useEffect(() => {
    latest.current = props.onShow;
  });
  const onShow = useCallback((run: Run) => latest.current?.(run), []);
  const scroller = useRef<HTMLDivElement>(null);
  const hasRunning = rows.some((run) => run.status === "running");
  const now = useNow(hasRunning ? 1 : 10);

  const defs = useMemo(
    () => [
      { id: MARKS, size: 58, minSize: 58 },
      { id: NAME, size: 230, minSize: 90 },
      ...columns.map(({ id, width }) => ({ id, size: width ?? widthOf(id), minSize: 50 })),
    ],
    [columns],
  );
  const hasMarks = props.onSelect !== undefined;
  const columnPinning = useMemo(() => {
    const chosen = pinned.filter((id) => columns.some((column) => column.id === id));
    return { start: [...(hasMarks ? [MARKS] : []), NAME, ...chosen], end: [] };
  }, [pinned, columns, hasMarks]);
  const [columnSizing, setColumnSizing] = useState<Record<string, number>>({});
  const table = useTable({
    features,
    columns: defs,
    // Rows come from the virtual list below; the table knows of columns only.
    data: NO_ROWS,
    columnResizeMode: "onChange",
    state: { columnPinning, columnSizing },
    onColumnSizingChange: setColumnSizing,
  });

  const isResizing = table.state.columnResizing.isResizingColumn;
  const wasResizing = useRef<string | false>(false);
  useEffect(() => {
    if (wasResizing.current !== false && isResizing === false) {
      onColumns(
        columns.map(({ id, width }) => ({
          id,
          width: columnSizing[id] === undefined ? width : Math.round(columnSizing[id]),
        })),
      );
    }
    wasResizing.current = isResizing;
  }, [isResizing, columns, columnSizing, onColumns]);

  const headers = table.getFlatHeaders();
  const placeOf = (id: string) => headers.find((header) => header.column.id === id);
  let left = 0;
  const fixed: Place[] = columnPinning.start.map((id) => {
    const place = { id, width: placeOf(id)?.getSize() ?? 100, left };
    left += place.width;
    return place;
  });
  const moving: Place[] = columns
    .filter(({ id }) => !columnPinning.start.includes(id))
    .map(({ id }) => ({ id, width: placeOf(id)?.getSize() ?? 100 }));

  const vertical = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    // Rows may come a frame after the scroll: drawing them within its event makes it stutter.
    useFlushSync: false,
  });
  const horizontal = useVirtualizer({
    horizontal: true,
    count: moving.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => moving[i]?.width ?? 100,
    overscan: 3,
    useFlushSync: false,
  });
  const widths = moving.map((place) => place.width).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes are measured again when they changed
  useEffect(() => horizontal.measure(), [widths]);

  const items = vertical.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lastSeen >= rows.length - 20 && rows.length < total) loadMore();
  }, [lastSeen, rows.length, total, loadMore]);

  const seen = horizontal.getVirtualItems();
  const before = seen[0]?.start ?? 0;
  const visible = seen.flatMap((item) => moving[item.index] ?? []);
  const fullWidth = left + horizontal.getTotalSize();
  const { selected, onSelect = ignore } = props;
  const layout = [before, ...[...fixed, ...visible].map((place) => place.id + place.width)].join();
  const areAll = rows.length > 0 && rows.every((run) => selected.has(run.id));

  return (
    <div className="grid" ref={scroller} role="table" aria-rowcount={total + 1} aria-label="Runs" tabIndex={0}>
      <div role="rowgroup" className="grid-head" style={{ width: fullWidth }}>
        <div role="row" className="grid-row">
          {fixed.map((place) =>
            place.id === MARKS ? (
              <div
                key={place.id}
                role="columnheader"
                className="fixed marks"
                style={{ width: place.width, left: place.left }}
              >
                <input
                  type="checkbox"
                  aria-label="Select all that are loaded"
                  checked={areAll}
                  onChange={() => onSelect(new Set(areAll ? [] : rows.map((run) => run.id)))}
                />
              </div>
            ) : (
              <Head key={place.id} place={place} {...props} onResize={placeOf(place.id)?.getResizeHandler()} />
            ),
          )}
          <div style={{ width: before }} className="gap" />
          {visible.map((place) => (
            <Head key={place.id} place={place} {...props} onResize={placeOf(place.id)?.getResizeHandler()} />
          ))}
        </div>
      </div>
      <div role="rowgroup" className="grid-body" style={{ height: vertical.getTotalSize(), width: fullWidth }}>
        {items.map((item) => {
          const run = rows[item.index];
          return (
            <Row
              key={run?.id ?? item.index}
              index={item.index}
              top={item.start}
              run={run}
              fixed={fixed}
              visible={visible}
              before={before}
              now={run?.status === "running" ? now : 60_000 * Math.floor(now / 60_000)}
              isShown={run !== undefined && props.shown.has(run.id)}
              isSelected={run !== undefined && selected.has(run.id)}
              hasExperiments={props.hasExperiments}
              onShow={onShow}
              onSelect={onSelect}
              selected={selected}
              layout={layout}
            />
          );
        })}
      </div>
      {sort !== "" && <span className="unseen">Sorted by {sort}</span>}
    </div>
  );
}

interface RowProps {
  index: number;
  top: number;
  run: Run | undefined;
  fixed: Place[];
  visible: Place[];
  before: number;
  now: number;
  isShown: boolean;
  isSelected: boolean;
  hasExperiments: boolean;
  selected: ReadonlySet<string>;
  onShow: (run: Run) => void;
  onSelect: (selected: ReadonlySet<string>) => void;
  layout: string;
}

const Row = memo(
  function Row({
    index,
    top,
    run,
    fixed,
    visible,
    before,
    now,
    isShown,
    isSelected,
    hasExperiments,
    selected,
    onShow,
    onSelect,
  }: RowProps) {
    const place = { transform: `translateY(${top}px)`, height: ROW };
    if (run === undefined) {
      return (
        <div role="row" aria-rowindex={index + 2} className="grid-row waiting" style={place}>
          <div role="cell" className="fixed" style={{ width: 200, left: 0 }} />
        </div>
      );
    }
    const toggle = () => {
      const after = new Set(selected);
      if (!after.delete(run.id)) after.add(run.id);
      onSelect(after);
    };
    const label = `#${run.number} ${run.name}`;
    return (
      <div role="row" aria-rowindex={index + 2} aria-selected={isSelected} className="grid-row" style={place}>
        {fixed.map(({ id, width, left }) => {
          if (id === MARKS) {
            return (
              <div key={id} role="cell" className="fixed marks" style={{ width, left }}>
                <input type="checkbox" aria-label={`Select run ${run.number}`} checked={isSelected} onChange={toggle} />
                <button
                  type="button"
                  className="bare"
                  aria-pressed={isShown}
                  aria-label={`Draw run ${run.number}`}
                  title={isShown ? "Drawn; click to hide" : "Click to draw"}
                  onClick={() => onShow(run)}
                >
                  <Dot colour={runColour(run)} isHollow={!isShown} />
                </button>
              </div>
            );
          }
          if (id === NAME) {
            return (
              <div key={id} role="cell" className="fixed name" style={{ width, left }}>
                <Link to={`/runs/${run.id}`} title={label}>
                  {hasExperiments && <span className="quiet">{run.experiment_name} </span>}
                  {label}
                </Link>
              </div>
            );
          }
          return <Cell key={id} run={run} id={id} width={width} left={left} now={now} />;
        })}
        <div style={{ width: before }} className="gap" />
        {visible.map(({ id, width }) => (
          <Cell key={id} run={run} id={id} width={width} now={now} />
        ))}
      </div>
    );
  },
  (a, b) =>
    a.run === b.run &&
    a.top === b.top &&
    a.layout === b.layout &&
    a.now === b.now &&
    a.isShown === b.isShown &&
    a.isSelected === b.isSelected &&
    a.selected === b.selected,
);

function Cell({
  run,
  id,
  width,
  left,
  now,
}: {
  run: Run;
  id: string;
  width: number;
  left?: number | undefined;
  now: number;
}) {
  const className = [isFigure(id) ? "figure" : "", left === undefined ? "" : "fixed"].join(" ");
  return (
    <div
      role="cell"
      className={className}
      style={left === undefined ? { width } : { width, left }}
      title={id.endsWith("_at") || id === TAGS ? undefined : text(run, id, now)}
    >
      {cell(run, id, now)}
    </div>
  );
}

type HeadProps = Props & { place: Place; onResize: ((event: unknown) => void) | undefined };

function Head({
  place: { id, width, left },
  columns,
  pinned,
  sort,
  onColumns,
  onPin,
  onSort,
  onGroup,
  onResize,
}: HeadProps) {
  const [isOver, setIsOver] = useState(false);
  const at = columns.findIndex((column) => column.id === id);
  const isName = id === NAME;
  const canSort = id !== TAGS;
  const direction = sort === `${id} asc` ? "ascending" : sort === `${id} desc` ? "descending" : "none";
  const move = (from: string, to: number) => {
    const moved = columns.find((column) => column.id === from);
    if (moved === undefined) return;
    const rest = columns.filter((column) => column !== moved);
    onColumns([...rest.slice(0, to), moved, ...rest.slice(to)]);
  };
  const { family, statistic } = parse(id);
  const isPinned = pinned.includes(id);
  const next = direction === "none" ? `${id} asc` : direction === "ascending" ? `${id} desc` : "";
  return (
    <div
      role="columnheader"
      aria-sort={canSort ? direction : undefined}
      className={["head", left === undefined ? "" : "fixed", isFigure(id) ? "figure" : "", isOver ? "target" : ""].join(
        " ",
      )}
      style={left === undefined ? { width } : { width, left }}
      draggable={!isName}
      onDragStart={(event) => event.dataTransfer.setData("text/column", id)}
      onDragOver={(event) => {
        if (isName || !event.dataTransfer.types.includes("text/column")) return;
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        setIsOver(false);
        move(event.dataTransfer.getData("text/column"), at);
      }}
    >
      <button
        type="button"
        className="bare label"
        title={`Sort by ${id}`}
        disabled={!canSort}
        onClick={() => onSort(next)}
      >
        {isName ? "Run" : id === TAGS ? "Tags" : title(id)}
        {direction !== "none" && <span aria-hidden="true">{direction === "ascending" ? " ↑" : " ↓"}</span>}
      </button>
      {!isName && (
        <Menu label="⋮" title={`Column ${title(id)}`} className="bare more">
          <Item onClick={() => onSort(`${id} asc`)}>Least first</Item>
          <Item onClick={() => onSort(`${id} desc`)}>Greatest first</Item>
          <Item onClick={() => onPin(isPinned ? pinned.filter((one) => one !== id) : [...pinned, id])}>
            {isPinned ? "Unpin" : "Pin"}
          </Item>
          {at > 0 && <Item onClick={() => move(id, at - 1)}>Move left</Item>}
          {at < columns.length - 1 && <Item onClick={() => move(id, at + 1)}>Move right</Item>}
          <Item onClick={() => onColumns(columns.filter((column) => column.id !== id))}>Hide</Item>
          {(family === "params" || family === "tags") && <Item onClick={() => onGroup(id)}>Group by it</Item>}
          {family === "metrics" &&
            (["last", "min", "max", "mean"] as const)
              .filter((other) => other !== statistic)
              .map((other) => {
                const path = statistic === "last" ? id : id.slice(statistic.length + 1, -1);
                const changed = other === "last" ? path : `${other}(${path})`;
                return (
                  <Item
                    key={other}
                    onClick={() =>
                      onColumns(columns.map((column) => (column.id === id ? { ...column, id: changed } : column)))
                    }
                  >
                    Show the {other}
                  </Item>
                );
              })}
        </Menu>
      )}
      <span
        className="grip"
        onMouseDown={(event) => {
          // The column would be dragged to another place.
          event.preventDefault();
          onResize?.(event);
        }}
        onTouchStart={onResize}
        aria-hidden="true"
      />
    </div>
  );
}

function Item({ onClick, children }: { onClick: () => void; children: React.ReactNode }) {
  return (
    <button
      type="button"
      className="bare item"
      onClick={(event) => {
        event.currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
        onClick();
      }}
    >
      {children}
    </button>
  );
}
