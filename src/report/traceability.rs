//! Requirements to cases, and cases to requirements: what is proved by what, and what is missing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::conformance::case::Case;
use crate::conformance::requirement::{Catalogue, Exception, Requirement};

/// What does not fit together. All empty: every requirement has a case or a reason, and nothing points into the void.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Requirements without case and without exception.
    pub unproved: Vec<String>,
    /// Case and requirement: named, and in no catalogue.
    pub unknown: Vec<(String, String)>,
    /// Cases that name no requirement.
    pub aimless: Vec<String>,
    /// Exceptions without reason, for requirements that do not exist, or that a case proves meanwhile.
    pub stale: Vec<String>,
}

impl Gaps {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Looks in both directions. Exceptions of the catalogues count as those given.
pub fn gaps(cases: &[Case], catalogues: &[Catalogue], exceptions: &[Exception]) -> Gaps {
    let known: BTreeSet<&str> = requirements(catalogues).map(|requirement| requirement.id.as_str()).collect();
    let proved: BTreeSet<&str> = cases.iter().flat_map(|case| &case.requirements).map(String::as_str).collect();
    let excepted: Vec<&Exception> = all_exceptions(catalogues, exceptions).collect();
    let is_excepted = |id: &str| excepted.iter().any(|exception| exception.requirement == id);
    let named = cases.iter().flat_map(|case| case.requirements.iter().map(move |id| (case.id.clone(), id.clone())));
    let is_stale = |exception: &&&Exception| {
        let id = exception.requirement.as_str();
        exception.reason.trim().is_empty() || !known.contains(id) || proved.contains(id)
    };
    Gaps {
        unproved: known
            .iter()
            .filter(|id| !proved.contains(*id) && !is_excepted(id))
            .map(|id| (*id).to_owned())
            .collect(),
        unknown: named.filter(|(_, id)| !known.contains(id.as_str())).collect(),
        aimless: cases.iter().filter(|case| case.requirements.is_empty()).map(|case| case.id.clone()).collect(),
        stale: excepted.iter().filter(is_stale).map(|exception| exception.requirement.clone()).collect(),
    }
}

/// As Markdown: what is missing, then both tables.
pub fn write(cases: &[Case], catalogues: &[Catalogue], exceptions: &[Exception]) -> String {
    let mut text = String::from("# Traceability\n\nMade by `untorn report traceability`; not to be edited.\n");
    write_gaps(&mut text, &gaps(cases, catalogues, exceptions));
    for catalogue in catalogues {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n## {}, revision {}: requirements\n\n| requirement | clause | cases |\n|---|---|---|\n",
            cell(&catalogue.specification),
            catalogue.revision
        );
        for requirement in &catalogue.requirements {
            let by = proved_by(requirement, cases, catalogues, exceptions);
            let _ = writeln!(text, "| {} | {} | {by} |", cell(&requirement.id), cell(&requirement.clause));
        }
    }
    text.push_str("\n## Cases\n\n| case | requirements | mutants that it kills |\n|---|---|---|\n");
    for case in cases {
        let (proves, kills) = (case.requirements.join(", "), case.kills.join(", "));
        let _ = writeln!(text, "| {} | {} | {} |", cell(&case.id), cell(&proves), cell(&kills));
    }
    text
}

fn write_gaps(text: &mut String, gaps: &Gaps) {
    let Gaps { unproved, unknown, aimless, stale } = gaps;
    let unknown: Vec<String> = unknown.iter().map(|(case, id)| format!("{id} ({case})")).collect();
    let lists = [
        ("Without case and exception", unproved),
        ("Named by a case, in no catalogue", &unknown),
        ("Cases without requirement", aimless),
        ("Exceptions that do not fit any more", stale),
    ];
    for (title, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let _ = write!(text, "\n**{title}: {}** {}\n", list.len(), cell(&list.join(", ")));
    }
}

fn proved_by(requirement: &Requirement, cases: &[Case], catalogues: &[Catalogue], exceptions: &[Exception]) -> String {
    let proving: Vec<&str> =
        cases.iter().filter(|case| case.requirements.contains(&requirement.id)).map(|case| case.id.as_str()).collect();
    if !proving.is_empty() {
        return cell(&proving.join(", "));
    }
    let exception = all_exceptions(catalogues, exceptions).find(|exception| exception.requirement == requirement.id);
    exception.map_or_else(|| "**none**".to_owned(), |exception| format!("none: {}", cell(&exception.reason)))
}

fn requirements(catalogues: &[Catalogue]) -> impl Iterator<Item = &Requirement> {
    catalogues.iter().flat_map(|catalogue| &catalogue.requirements)
}

fn all_exceptions<'e>(catalogues: &'e [Catalogue], own: &'e [Exception]) -> impl Iterator<Item = &'e Exception> {
    catalogues.iter().flat_map(|catalogue| &catalogue.exceptions).chain(own)
}

/// In a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
