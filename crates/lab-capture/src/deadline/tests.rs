use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

#[track_caller]
fn say(script: &str, budget: Duration, max_bytes: usize) -> Said {
    run(&mut shell(script), Deadline::after(budget), max_bytes).unwrap()
}

const AMPLE: Duration = Duration::from_secs(60);

#[test]
fn what_a_program_says_is_kept() {
    let said = say("echo out; echo err >&2; exit 3", AMPLE, 100);
    assert_eq!((said.output.as_slice(), said.complaint.as_str()), (&b"out\n"[..], "err\n"));
    assert_eq!(said.status.unwrap().code(), Some(3));
    assert_eq!((said.answer(), said.problem().as_str()), (None, "failed: err"));
}

#[test]
fn output_over_the_limit_ends_the_program() {
    let said = say("while :; do echo 0123456789; done", AMPLE, 1_000);
    assert!(said.truncated && !said.timed_out);
    assert_eq!(said.output.len(), 1_000);
}

#[test]
fn a_program_and_its_children_end_when_time_is_up() {
    let said = say("sleep 600 & echo $!; wait", Duration::from_millis(300), 100);
    assert!(said.timed_out && said.status.is_none());
    let grandchild = String::from_utf8(said.output).unwrap();
    let stat = format!("/proc/{}/stat", grandchild.trim());
    let ended = || std::fs::read_to_string(&stat).map_or(true, |it| it.contains(") Z ") || !it.contains("(sleep)"));
    let patience = Deadline::after(AMPLE);
    while !ended() && !patience.has_passed() {
        thread::yield_now();
    }
    assert!(ended(), "the grandchild must be killed too");
}

#[test]
fn standard_error_in_the_hands_of_a_background_process_is_not_waited_for() {
    let said = say("sleep 2 >/dev/null & exit 0", AMPLE, 100);
    assert!(said.succeeded(), "{said:?}");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let missing = run(&mut Command::new("/nonexistent/program"), Deadline::after(AMPLE), 1);
    assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
}
