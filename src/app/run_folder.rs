//! What a test run leaves behind: `report.json`, and a file of JSON lines with the log of each case.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use super::AppError;
use crate::conformance::evidence::Line;
use crate::conformance::result::{CaseResult, TestReport};
use crate::report::suite_json;

/// The report in a run's folder.
pub const REPORT: &str = "report.json";

/// The folder of a run that is under way. After each case it holds a report that is valid, and that says which cases did not run.
#[derive(Debug)]
pub struct RunFolder {
    folder: PathBuf,
    report: TestReport,
}

impl RunFolder {
    /// Makes the folder, or takes one that is empty or holds an earlier run, which is removed: a file of something else is never touched.
    /// `planned` has a result for each case that was chosen, in order ([`crate::conformance::runner::plan`]).
    pub fn create(folder: &Path, planned: TestReport) -> Result<Self, AppError> {
        fs::create_dir_all(folder).map_err(|source| AppError::file("make the folder", folder, source))?;
        remove_earlier(folder)?;
        let folder = Self { folder: folder.to_owned(), report: planned };
        folder.write_report()?;
        Ok(folder)
    }

    /// A case ended: writes its log, then the report.
    pub fn record(&mut self, result: &CaseResult) -> Result<(), AppError> {
        let kept = self.keep(result.clone())?;
        // If nothing more comes, it took what its cases took.
        self.report.micros = self.report.micros.saturating_add(kept.micros);
        if let Some(planned) = self.report.results.iter_mut().find(|planned| planned.id == kept.id) {
            *planned = kept;
        }
        self.write_report()
    }

    /// The run ended: what only then was known (expectations, doubts, duration) goes into the report.
    pub fn finish(mut self, report: TestReport) -> Result<(), AppError> {
        let TestReport { results, .. } = report;
        let results = results.into_iter().map(|result| self.keep(result)).collect::<Result<_, _>>()?;
        self.report = TestReport { results, ..report };
        self.write_report()
    }

    /// The log goes to a file of its own.
    fn keep(&self, mut result: CaseResult) -> Result<CaseResult, AppError> {
        if !result.evidence.is_empty() {
            let name = file_name(&result.id);
            write_whole(&self.folder.join(&name), lines(&result.evidence).as_bytes())?;
            result.evidence.clear();
            result.evidence_file = Some(name);
        }
        Ok(result)
    }

    fn write_report(&self) -> Result<(), AppError> {
        write_whole(&self.folder.join(REPORT), suite_json::write(&self.report).as_bytes())
    }
}

/// A report, or the one in a run's folder; with the logs that lie beside it.
pub fn read(path: &Path) -> Result<TestReport, AppError> {
    match read_what_is_there(path)? {
        (report, None) => Ok(report),
        (_, Some(missing)) => Err(missing),
    }
}

/// The same of a report whose logs were left behind; and the first that is missing.
pub fn read_what_is_there(path: &Path) -> Result<(TestReport, Option<AppError>), AppError> {
    let path = if path.is_dir() { path.join(REPORT) } else { path.to_owned() };
    let text = fs::read_to_string(&path).map_err(|source| AppError::file("read the report", &path, source))?;
    let wrong = |error| AppError::Usage(format!("{}: {error}", path.display()));
    let mut report = suite_json::read(&text).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut missing = None;
    for result in &mut report.results {
        if let Some(name) = result.evidence_file.as_ref().filter(|_| result.evidence.is_empty()) {
            match read_lines(folder, name) {
                Ok(lines) => result.evidence = lines,
                Err(error) if error.is_not_found() => missing = missing.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
    }
    Ok((report, missing))
}

/// A log that is named by a report. The report may come from anybody: it reaches nothing outside its own folder.
fn read_lines(folder: &Path, name: &str) -> Result<Vec<Line>, AppError> {
    let mut components = Path::new(name).components();
    if !matches!((components.next(), components.next()), (Some(Component::Normal(_)), None)) {
        return Err(AppError::Usage(format!("the report names a log outside its folder: {name:?}")));
    }
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(|source| AppError::file("read the log", &path, source))?;
    let parse = |(index, line): (usize, &str)| {
        let wrong = |error| AppError::Usage(format!("{}, line {}: {error}", path.display(), index + 1));
        serde_json::from_str(line).map_err(wrong)
    };
    text.lines().enumerate().map(parse).collect()
}

/// Whole or not at all: under another name first.
pub fn write_whole(path: &Path, octets: &[u8]) -> Result<(), AppError> {
    let fail = |source| AppError::file("write", path, source);
    let name = path.file_name().ok_or_else(|| AppError::Usage(format!("{} is no file", path.display())))?;
    let temporary = path.with_file_name(format!(".{}.new", name.to_string_lossy()));
    let written = fs::File::create(&temporary).and_then(|mut file| file.write_all(octets));
    written.and_then(|()| fs::rename(&temporary, path)).map_err(|error| {
        // A half of it helps nobody; that it cannot be removed either is not what went wrong.
        let _ = fs::remove_file(&temporary);
        fail(error)
    })
}

fn lines(evidence: &[Line]) -> String {
    let mut text = String::new();
    for line in evidence {
        // Strings and numbers only: nothing in it can fail to be written.
        text.push_str(&serde_json::to_string(line).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// Ids of our cases are such names already. A case from a file may have any id: `_` and two digits for each other octet, so that no two
/// ids share a name.
fn file_name(id: &str) -> String {
    let mut name = String::new();
    for octet in id.bytes() {
        if octet.is_ascii_alphanumeric() || octet == b'-' {
            name.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "_{octet:02X}");
        }
    }
    name + ".jsonl"
}

fn remove_earlier(folder: &Path) -> Result<(), AppError> {
    let fail = |source| AppError::file("read the folder", folder, source);
    let mut earlier = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kind = path.extension().unwrap_or_default();
        let ours = name == REPORT || kind == "jsonl" || (name.starts_with('.') && kind == "new");
        if !ours || !path.is_file() {
            return Err(AppError::Usage(format!("{} holds something that is no test run: {name}", folder.display())));
        }
        earlier.push(path);
    }
    // A folder of JSON lines alone is somebody else's.
    if !earlier.is_empty() && !folder.join(REPORT).exists() {
        return Err(AppError::Usage(format!("{} holds files and no {REPORT}; it was not touched", folder.display())));
    }
    earlier.iter().try_for_each(|path| fs::remove_file(path).map_err(|source| AppError::file("remove", path, source)))
}
