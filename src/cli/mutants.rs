//! `untorn mutants`: how good the suite is.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::Report;
use super::arguments::{Global, Mutants, usage};
use crate::app::{AppError, Exit, suites};
use crate::conformance::verdict::Verdict;
use crate::sim::mutants::{self, Matrix, Row};

pub(super) fn run(global: &Global, arguments: &Mutants) -> Result<Report, AppError> {
    let known = mutants::mutants();
    if let Some(name) = arguments.names.iter().find(|name| known.iter().all(|mutant| mutant.name != **name)) {
        return Err(usage(format!("there is no mutant {name:?}; see untorn mutants --list")));
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
        return Ok(Report::done(text, "mutants", format!("{} mutants", known.len()), json!({ "mutants": list })));
    }
    let bar = progress(if arguments.names.is_empty() { known.len() } else { arguments.names.len() });
    let matrix = mutants::run(&suites::cases(), &arguments.names, global.seed().unwrap_or_default(), &mut |row| {
        bar.set_message(row.name);
        bar.inc(1);
    });
    bar.finish_and_clear();
    let matrix = matrix.map_err(AppError::Usage)?;
    if let Some(path) = &arguments.out {
        std::fs::write(path, markdown(&matrix)).map_err(|source| AppError::file("write the matrix", path, source))?;
    }
    let exit = if matrix.is_clean() { Exit::Done } else { Exit::Failed };
    let detail = score_line(&matrix);
    Ok(Report::new(exit, text(&matrix, arguments.verbose), "mutation", detail, json!({ "matrix": matrix })))
}

fn progress(count: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn score_line(matrix: &Matrix) -> String {
    let ((killed, all), (critical, of)) = (matrix.score(false), matrix.score(true));
    format!(
        "{killed} of {all} mutants killed; of those with money or authentication at stake {critical} of {of}; {} false alarms",
        matrix.false_alarms.len()
    )
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
    if verbose && !matrix.orphans.is_empty() {
        let _ = writeln!(text, "without mutant {}", matrix.orphans.join(", "));
    }
    let _ = writeln!(text, "{}", score_line(matrix));
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

/// The matrix as a page to keep: one line for each mutant.
fn markdown(matrix: &Matrix) -> String {
    let mut text = format!("# Mutation matrix\n\n{}.\n\n", score_line(matrix));
    text.push_str("`untorn mutants --out FILE` makes this page. * money or authentication is at stake.\n\n");
    text.push_str("| mutant | | defect | cases that declare it |\n|---|---|---|---|\n");
    for row in &matrix.rows {
        let cases: Vec<String> = row
            .cases
            .iter()
            .map(|(case, verdict)| match verdict {
                Some(Verdict::Fail) => case.clone(),
                Some(other) => format!("{case} ({other})"),
                None => format!("{case} (not applicable)"),
            })
            .collect();
        let (mark, survived) = (if row.critical { "*" } else { "" }, if row.killed { "" } else { "**survived** " });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{}` | {mark} | {survived}{} | {} |", row.name, row.defect, cases.join(", "));
    }
    text
}
