//! The parts of a capture, side by side, each bounded in time and in the harm it can do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use lab_model::{Dependencies, EnvironmentSnapshot};

use crate::deadline::Deadline;
use crate::notes::Notes;
use crate::{CaptureOptions, container, dependencies, git, gpu, hardware, interpreter, os, runtimes};

/// What a part found, ready to be put in its place.
type Fill = Box<dyn FnOnce(&mut Draft) + Send>;

struct Part {
    /// Path of the field that the part fills, for the note if it does not.
    field: &'static str,
    look: fn(&CaptureOptions, Deadline, &mut Notes) -> Fill,
}

struct Draft<'a> {
    snapshot: &'a mut EnvironmentSnapshot,
    installed: Dependencies,
    locked: Dependencies,
}

const SYSTEM: &[Part] = &[
    Part { field: "os", look: os },
    Part { field: "hardware", look: hardware },
    Part { field: "hardware.gpus", look: gpus },
    Part { field: "container", look: container },
];

const RUNTIMES: &[Part] = &[Part { field: "runtimes", look: runtimes }];

const DEPENDENCIES: &[Part] =
    &[Part { field: "dependencies", look: installed }, Part { field: "dependencies", look: locked }];

const GIT: &[Part] = &[Part { field: "git", look: git }];

/// Runs the parts that `options` want and waits for them until its budget is spent.
pub(crate) fn fill(snapshot: &mut EnvironmentSnapshot, options: &Arc<CaptureOptions>) {
    let end = Deadline::after(options.budget);
    // Parts stop their programs a little earlier, so that there is time to hand over what they have.
    let parts_end = Deadline::after(options.budget.saturating_sub(reserve(options.budget)));
    let wanted: Vec<&Part> = [
        (options.record_system_info, SYSTEM),
        (true, RUNTIMES),
        (options.capture_dependencies, DEPENDENCIES),
        (options.capture_git, GIT),
    ]
    .into_iter()
    .filter(|(is_wanted, _)| *is_wanted)
    .flat_map(|(_, parts)| parts)
    .collect();

    let mut draft = Draft { snapshot, installed: Dependencies::default(), locked: Dependencies::default() };
    let mut notes = Notes::default();
    let mut is_open = vec![true; wanted.len()];
    // Room for all results, so that a late part ends instead of waiting for a reader that has gone.
    let (report, reports) = mpsc::sync_channel(wanted.len().max(1));
    for (i, part) in wanted.iter().enumerate() {
        if let Err(error) = start(i, part, options, parts_end, report.clone()) {
            notes.add(part.field, format!("no thread could be started: {error}"));
            is_open[i] = false;
        }
    }
    drop(report);

    while is_open.contains(&true) {
        let Ok((i, found)) = reports.recv_timeout(end.remaining()) else { break };
        is_open[i] = false;
        match found {
            Some((fill, seen)) => {
                fill(&mut draft);
                draft.snapshot.not_seen.extend(seen.into_vec());
            }
            None => notes.add(wanted[i].field, "reading it failed by a defect of this program"),
        }
    }
    for (part, _) in wanted.iter().zip(&is_open).filter(|(_, is_open)| **is_open) {
        notes.add(part.field, format!("reading it took longer than the {} ms allowed", options.budget.as_millis()));
    }
    let Draft { snapshot, installed, locked } = draft;
    snapshot.dependencies = dependencies::merge(installed, locked);
    snapshot.not_seen.extend(notes.into_vec());
}

type Report = (usize, Option<(Fill, Notes)>);

fn start(
    i: usize,
    part: &Part,
    options: &Arc<CaptureOptions>,
    deadline: Deadline,
    report: SyncSender<Report>,
) -> std::io::Result<()> {
    let (look, options) = (part.look, Arc::clone(options));
    let work = move || {
        let found = catch_unwind(AssertUnwindSafe(|| {
            let mut notes = Notes::default();
            (look(&options, deadline, &mut notes), notes)
        }));
        report.send((i, found.ok())).ok();
    };
    thread::Builder::new().name(format!("lab-capture-{}", part.field)).spawn(work).map(drop)
}

fn reserve(budget: Duration) -> Duration {
    (budget / 8).min(Duration::from_millis(200))
}

fn os(options: &CaptureOptions, _: Deadline, notes: &mut Notes) -> Fill {
    let (os, hostname) = os::read(options, notes);
    Box::new(move |draft| {
        draft.snapshot.os = os;
        draft.snapshot.hostname = hostname;
    })
}

fn hardware(options: &CaptureOptions, _: Deadline, notes: &mut Notes) -> Fill {
    let (cpu, memory_bytes) = hardware::read(options, notes);
    Box::new(move |draft| {
        draft.snapshot.hardware.cpu = cpu;
        draft.snapshot.hardware.memory_bytes = memory_bytes;
    })
}

fn gpus(options: &CaptureOptions, _: Deadline, notes: &mut Notes) -> Fill {
    let gpus = gpu::read(options, notes);
    Box::new(move |draft| draft.snapshot.hardware.gpus = gpus)
}

fn container(options: &CaptureOptions, _: Deadline, notes: &mut Notes) -> Fill {
    let container = container::read(options, notes);
    Box::new(move |draft| draft.snapshot.container = container)
}

fn runtimes(options: &CaptureOptions, deadline: Deadline, notes: &mut Notes) -> Fill {
    let interpreter = interpreter::find(options);
    if interpreter.is_none() && options.interpreter.is_some() {
        notes.add("python_interpreter", "the interpreter that was given is not there");
    }
    let runtimes = runtimes::read(options, interpreter.as_ref(), deadline, notes);
    let program = interpreter.and_then(|it| it.program).map(|it| it.display().to_string());
    Box::new(move |draft| {
        draft.snapshot.runtimes = runtimes;
        draft.snapshot.python_interpreter = program;
    })
}

fn installed(options: &CaptureOptions, deadline: Deadline, notes: &mut Notes) -> Fill {
    let found = interpreter::find(options).map(|it| dependencies::installed(&it, deadline, notes));
    Box::new(move |draft| draft.installed = found.unwrap_or_default())
}

fn locked(options: &CaptureOptions, _: Deadline, notes: &mut Notes) -> Fill {
    let found = dependencies::locked(options, notes);
    Box::new(move |draft| draft.locked = found)
}

fn git(options: &CaptureOptions, deadline: Deadline, notes: &mut Notes) -> Fill {
    let git = git::read(options, deadline, notes);
    Box::new(move |draft| draft.snapshot.git = git)
}
