//! `untorn mutants`: how good the suite is.

use std::fmt::Write as _;

use serde_json::json;

use super::arguments::{Global, Mutants, usage};
use super::progress::Progress;
use super::{Report, tell};
use crate::app::whole_file::write_whole;
use crate::app::{AppError, Exit, suites};
use crate::counted::counted;
use crate::quoted::quoted;
use crate::sim::mutants::{self, Matrix, Row, Watcher};

pub(super) fn run(global: &Global, arguments: &Mutants) -> Result<Report, AppError> {
    let known = mutants::mutants();
    if let Some(name) = arguments.names.iter().find(|name| known.iter().all(|mutant| mutant.name != **name)) {
        return Err(usage(format!("there is no mutant {name}; see untorn mutants --list", name = quoted(name))));
    }
    if arguments.list {
        let mut text = String::new();
        for mutant in &known {
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "{:<34} {}{}", mutant.name, if mutant.critical { "* " } else { "  " }, mutant.defect);
        }
        let list: Vec<_> = known
            .iter()
            .map(|mutant| {
                json!({ "name": mutant.name, "site": mutant.site, "critical": mutant.critical, "defect": mutant.defect })
            })
            .collect();
        return Ok(Report::done(text, "mutants", counted(known.len(), "mutant"), json!({ "mutants": list })));
    }
    let mut progress = Progress::new(known.len(), "what is under way")?;
    let seed = global.seed().unwrap_or_default();
    let matrix = mutants::run(&suites::cases(), &arguments.names, seed, &mut progress).map_err(AppError::Usage)?;
    drop(progress);
    let kept = arguments.out.as_ref().map_or(Ok(()), |path| write_whole(path, matrix.markdown().as_bytes()));
    if let Err(error) = &kept {
        // What was found is said all the same.
        tell(&format!("untorn: {error}"));
    }
    let exit = match matrix.is_clean() {
        false => Exit::Failed,
        true if matrix.is_interrupted() => Exit::Unresolved,
        true if kept.is_err() => kept.err().map_or(Exit::Done, |error| error.exit()),
        true => Exit::Done,
    };
    let detail = matrix.score_line();
    Ok(Report::new(exit, text(&matrix, arguments.verbose), "mutation", detail, json!({ "matrix": matrix })))
}

impl Watcher for Progress {
    fn planned(&mut self, steps: usize) {
        self.bar.set_length(steps as u64);
    }

    fn begins(&mut self, step: usize, what: &str) {
        self.bar.set_position(step as u64);
        self.bar.set_message(what.to_owned());
    }

    fn stop(&mut self) -> bool {
        self.stops()
    }
}

fn text(matrix: &Matrix, verbose: bool) -> String {
    let mut text = String::new();
    for row in matrix.rows.iter().filter(|row| verbose || !row.killed) {
        line(&mut text, row);
    }
    for alarm in &matrix.false_alarms {
        let _ = writeln!(text, "false alarm    {alarm}");
    }
    for name in &matrix.unknown {
        let _ = writeln!(text, "unknown        {name}: a case declares it, and there is no such mutant");
    }
    for error in &matrix.errors {
        let _ = writeln!(text, "error          {error}: the case itself went wrong");
    }
    if verbose && !matrix.orphans.is_empty() {
        let _ = writeln!(text, "without mutant {}", matrix.orphans.join(", "));
    }
    let _ = writeln!(text, "{}", matrix.score_line());
    text
}

fn line(text: &mut String, row: &Row) {
    let word = if row.killed { "killed" } else { "SURVIVED" };
    let _ = writeln!(text, "{word:<14} {:<34} {}{}", row.name, if row.critical { "* " } else { "" }, row.defect);
    for (case, verdict) in &row.cases {
        let verdict = verdict.map_or_else(|| "not applicable".to_owned(), |verdict| verdict.to_string());
        let _ = writeln!(text, "{:<14} {case}: {verdict}", "");
    }
    if row.cases.is_empty() {
        let _ = writeln!(text, "{:<14} no case declares it", "");
    }
}
