//! What a test run leaves behind: `report.json`, and a file of JSON lines with the log of each case.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use super::whole_file::{is_temporary_of, write_whole, write_whole_soon};
use super::{AppError, read_file, read_text};
use crate::conformance::evidence::Line;
use crate::conformance::result::{CaseResult, TestReport};
use crate::malformed;
use crate::quoted::quoted;
use crate::report::suite::json;

/// Makes a folder of its own for a run in `parent`: of this name, or where there is one already with `-2`, `-3` and so on behind it.
pub fn make_fresh(parent: &Path, name: &str) -> Result<PathBuf, AppError> {
    fs::create_dir_all(parent).map_err(|source| AppError::file("make the folder", parent, source))?;
    let names = std::iter::once(name.to_owned()).chain((2..=SAME_NAME_MAX).map(|number| format!("{name}-{number}")));
    for folder in names.map(|name| parent.join(name)) {
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(AppError::file("make the folder", &folder, source)),
        }
    }
    Err(AppError::Usage(format!("{} holds {SAME_NAME_MAX} runs of {name}", parent.display())))
}

/// Runs that begin in one second, far above what any person starts.
const SAME_NAME_MAX: u32 = 1_000;

/// The report in a run's folder.
pub const REPORT: &str = "report.json";

/// The folder of a run that is under way. After each case it holds a report that is valid, and that says which cases did not run; of the
/// case under way each line of its log as it came.
#[derive(Debug)]
pub struct RunFolder {
    folder: PathBuf,
    report: TestReport,
    /// Of the case under way, with its id.
    log: Option<(String, fs::File)>,
    /// Cases whose whole log is in its file.
    kept: BTreeSet<String>,
    write: fn(&Path, &[u8]) -> Result<(), AppError>,
}

/// Makes the folder of a run, or empties one that holds an earlier run: where that cannot be, it is known before anything runs. Whether there
/// was one.
pub fn prepare(folder: &Path) -> Result<bool, AppError> {
    fs::create_dir_all(folder).map_err(|source| AppError::file("make the folder", folder, source))?;
    remove_earlier(folder)
}

impl RunFolder {
    /// Makes the folder, or takes one that is empty or holds an earlier run of virtual cards, which a seed repeats and which is removed. What
    /// was seen of a real card, and a file of something else, is never touched.
    /// `planned` has a result for each case that was chosen, in order ([`crate::conformance::runner::plan`]).
    pub fn create(folder: &Path, planned: TestReport) -> Result<Self, AppError> {
        prepare(folder)?;
        let (log, kept) = Default::default();
        let folder = Self { folder: folder.to_owned(), report: planned, log, kept, write: write_whole_soon };
        folder.write_report()?;
        Ok(folder)
    }

    /// Of a real card, which cannot be asked again: after each case its log and the report are on the disk.
    #[must_use]
    pub fn durable(self) -> Self {
        Self { write: write_whole, ..self }
    }

    /// A line of a log, as it comes: what a real card did is in its file before the next command goes out. The first of a log begins it.
    pub fn line(&mut self, case: &str, line: &Line) -> Result<(), AppError> {
        let name = file_name(case);
        let path = self.folder.join(&name);
        let fail = |source| AppError::file("write the log", &path, source);
        if line.number == 1 || self.log.as_ref().is_none_or(|(id, _)| id != case) {
            self.log = Some((case.to_owned(), fs::File::create(&path).map_err(fail)?));
            let named = |planned: &&mut CaseResult| planned.id == case && planned.evidence_file.is_none();
            if let Some(planned) = self.report.results.iter_mut().find(named) {
                planned.evidence_file = Some(name);
                self.write_report()?;
            }
        }
        let Some((_, log)) = &mut self.log else { return Ok(()) };
        // One write a line: a process that dies leaves whole lines, but for the last.
        log.write_all(lines(std::slice::from_ref(line)).as_bytes()).map_err(fail)
    }

    /// A case ended: writes its log, then the report.
    pub fn record(&mut self, result: &CaseResult) -> Result<(), AppError> {
        self.log = None;
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
    fn keep(&mut self, mut result: CaseResult) -> Result<CaseResult, AppError> {
        if !result.evidence.is_empty() {
            let name = file_name(&result.id);
            if self.kept.insert(result.id.clone()) {
                (self.write)(&self.folder.join(&name), lines(&result.evidence).as_bytes())?;
            }
            result.evidence.clear();
            result.evidence_file = Some(name);
        }
        Ok(result)
    }

    fn write_report(&self) -> Result<(), AppError> {
        (self.write)(&self.folder.join(REPORT), json::write(&self.report).as_bytes())
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
    let text = read_text("read the report", &path)?;
    let wrong = |error| AppError::Usage(format!("{}: {error}", path.display()));
    let mut report = json::read(&text).map_err(wrong)?;
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
        return Err(AppError::Usage(format!("the report names a log outside its folder: {name}", name = quoted(name))));
    }
    let path = folder.join(name);
    let text = read_text("read the log", &path)?;
    // A last line without an end is one that its process could not finish.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(index, line): (usize, &str)| {
        let wrong = |error: serde_json::Error| {
            AppError::Usage(format!("{}, line {}: {}", path.display(), index + 1, malformed::json(&error)))
        };
        serde_json::from_str(line).map_err(wrong)
    };
    whole.lines().enumerate().map(parse).collect()
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

/// Removes the run that lies there, when nothing else does: its report, the logs of the cases that this names, and what a process that
/// died was about to put in their place.
fn remove_earlier(folder: &Path) -> Result<bool, AppError> {
    let fail = |source| AppError::file("read the folder", folder, source);
    let entries: Vec<fs::DirEntry> = fs::read_dir(folder).and_then(Iterator::collect).map_err(fail)?;
    if entries.is_empty() {
        return Ok(false);
    }
    let foreign = |what: String| AppError::Usage(format!("{} {what}; it was not touched", folder.display()));
    let text = match read_file::up_to(read_file::LEN_MAX, &folder.join(REPORT)) {
        Ok(text) => text,
        Err(error) => return Err(foreign(format!("holds files and no {REPORT} that can be read ({error})"))),
    };
    let report =
        json::read(&text).map_err(|error| foreign(format!("holds a {REPORT} that is no test run ({error})")))?;
    if report.under_test.is_real() {
        let what = "holds a run at a real card, which no seed repeats: name another folder, or move it away";
        return Err(foreign(what.to_owned()));
    }
    let mut ours: BTreeSet<String> = report.results.iter().map(|result| file_name(&result.id)).collect();
    ours.insert(REPORT.to_owned());
    for entry in &entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = ours.contains(&name) || ours.iter().any(|ours| is_temporary_of(&name, ours));
        if !is_ours || !entry.file_type().map_err(fail)?.is_file() {
            return Err(foreign(format!("holds something that is no part of its test run: {name}")));
        }
    }
    // The report last: without it the rest would be nobody's.
    let (report, logs): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.iter().map(fs::DirEntry::path).partition(|path| path.ends_with(REPORT));
    logs.iter()
        .chain(&report)
        .try_for_each(|path| fs::remove_file(path).map_err(|source| AppError::file("remove", path, source)))?;
    Ok(true)
}
