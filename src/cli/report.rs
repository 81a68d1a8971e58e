//! Reads and puts together the reports of test runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{Merge, ReportCommand, ReportFormat, Show, usage};
use super::{Report, tell};
use crate::app::run_folder::{read, read_what_is_there};
use crate::app::whole_file::write_whole;
use crate::app::{AppError, Exit, suites};
use crate::conformance::result::{CaseResult, End, Standing, TestReport};
use crate::report::suite::log::{self, Meanings};
use crate::report::suite::{ctrf, html, json, junit, markdown, merge, tap, text};
use crate::report::{plain, traceability};
use crate::wire::explain::Explanation;

pub(super) fn run(command: &ReportCommand) -> Result<Report, AppError> {
    match command {
        ReportCommand::Show(show) => self::show(show),
        ReportCommand::Merge(merge) => self::merge(merge),
        ReportCommand::Traceability { out } => trace(out.as_deref()),
    }
}

/// The code of a process that has run or read this.
pub(super) const fn exit(end: End) -> Exit {
    match end {
        End::Clean => Exit::Done,
        End::Failed => Exit::Failed,
        End::Inconclusive => Exit::Unresolved,
    }
}

fn show(show: &Show) -> Result<Report, AppError> {
    let (report, missing) = read_what_is_there(&show.file)?;
    if let Some(missing) = missing {
        tell(&format!("untorn: warning: {missing}; shown without the logs that are not there"));
    }
    let text = write(&report, show.format)?;
    let json = json!({ "summary": report.summary(), "report": report, "explanations": explanations(&report) });
    let told = told(&report, text, show.out.as_deref(), json)?;
    Ok(Report { is_document: show.format != ReportFormat::Text, ..told })
}

/// Of each case that did not pass what the lines of its log mean, by their numbers.
fn explanations(report: &TestReport) -> BTreeMap<&str, BTreeMap<u32, Explanation>> {
    let of = |result: &CaseResult| {
        let meanings = Meanings::of_case(result);
        let lines = log::shown(result);
        lines.filter_map(|line| Some((line.number, meanings.explanation(line)?.clone()))).collect::<BTreeMap<_, _>>()
    };
    let failed = report.results.iter().filter(|result| result.standing() != Standing::Passed);
    failed.map(|result| (result.id.as_str(), of(result))).filter(|(_, lines)| !lines.is_empty()).collect()
}

fn merge(merge: &Merge) -> Result<Report, AppError> {
    let parts = merge.parts.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let mut report = merge::merge(parts).map_err(usage)?;
    // The logs lie in the parts' folders; from here on they are in the report.
    report.results.iter_mut().for_each(|result| result.evidence_file = None);
    let json = json!({ "summary": report.summary(), "file": merge.out.display().to_string() });
    told(&report, json::write(&report), Some(&merge.out), json)
}

/// The form a person asked for.
fn write(report: &TestReport, format: ReportFormat) -> Result<String, AppError> {
    Ok(match format {
        ReportFormat::Text => text::write(report, false),
        ReportFormat::Html => html::write(report, &suites::requirements().map_err(AppError::Internal)?),
        ReportFormat::Junit => junit::write(report),
        ReportFormat::Ctrf => ctrf::write(report),
        ReportFormat::Tap => tap::write(report),
        ReportFormat::Markdown => markdown::write(report),
        ReportFormat::Json => json::write(report),
    })
}

fn trace(out: Option<&Path>) -> Result<Report, AppError> {
    let catalogues = suites::requirements().map_err(AppError::Internal)?;
    let exceptions = suites::exceptions().map_err(AppError::Internal)?;
    let cases = suites::cases();
    let gaps = traceability::gaps(&cases, &catalogues, &exceptions);
    let text = traceability::write(&cases, &catalogues, &exceptions);
    let detail = if gaps.is_empty() { "every requirement has a case or a reason" } else { "something is missing" };
    let unknown: Vec<Value> =
        gaps.unknown.iter().map(|(case, id)| json!({ "case": case, "requirement": id })).collect();
    let json = json!({
        "unproved": gaps.unproved, "unknown": unknown, "aimless": gaps.aimless, "stale_exceptions": gaps.stale,
    });
    let exit = if gaps.is_empty() { Exit::Done } else { Exit::Failed };
    Ok(Report::new(exit, to(out, text)?, "traceability", detail, json))
}

fn told(report: &TestReport, text: String, out: Option<&Path>, json: Value) -> Result<Report, AppError> {
    let detail = text::summary(report);
    let text = match out {
        Some(_) => to(out, text).map(|_| format!("{detail}\n"))?,
        None => text,
    };
    Ok(Report::new(exit(report.end()), text, "report", detail, json))
}

/// To the file; what is left for the standard output.
fn to(out: Option<&Path>, text: String) -> Result<String, AppError> {
    match out {
        Some(path) => write_whole(path, plain::visible(&text).as_bytes()).map(|()| String::new()),
        None => Ok(text),
    }
}
