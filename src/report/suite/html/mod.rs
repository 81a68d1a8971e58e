//! A test run as one HTML page that needs nothing else: no network, no script to be read, paper included.

mod case;
mod text;

use self::text::{Text, class};

use std::fmt::Write as _;

use crate::conformance::requirement::Catalogue;
use crate::conformance::result::{CaseResult, Standing, TestReport};
use crate::report::suite::log::duration;
use crate::report::suite::text::sentence;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// As HTML. With the catalogues, requirements have their clause and text, and those that no case of this run names are shown too.
pub fn write(report: &TestReport, catalogues: &[Catalogue]) -> String {
    let mut page = String::new();
    let title = format!("Conformance of {}: {}", report.subject(), report.end());
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n",
        Text(&title)
    );
    head(&mut page, report);
    page.push_str("<main>\n");
    attention(&mut page, report);
    declared(&mut page, report);
    cases(&mut page, report);
    coverage(&mut page, report, catalogues);
    let _ = write!(page, "</main>\n<footer>untorn {}</footer>\n", Text(&report.untorn));
    let _ = write!(page, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String, report: &TestReport) {
    let end = report.end();
    let _ = write!(
        page,
        "<header>\n<p class=\"kicker\">Conformance report</p>\n\
         <h1>{} <span class=\"end {end}\">{end}</span></h1>\n<p class=\"sentence\">{}</p>\n<dl>\n",
        Text(&report.subject()),
        sentence(end)
    );
    let begun = report.begun.map_or(String::new(), |moment| moment.to_string());
    let facts = [
        ("reached", report.binding.clone()),
        ("cases", report.results.len().to_string()),
        ("seed", report.seed.to_string()),
        ("begun", begun),
        ("took", duration(report.micros)),
    ];
    for (name, value) in facts.into_iter().chain(report.facts()).filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(&value));
    }
    page.push_str("</dl>\n<div class=\"bar\" aria-hidden=\"true\">");
    let counts = Standing::ALL.map(|standing| (standing, report.count(standing)));
    for (standing, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let _ = write!(page, "<span class=\"{}\" style=\"flex-grow:{count}\"></span>", class(*standing));
    }
    page.push_str("</div>\n<ul class=\"counts\">\n");
    for (standing, count) in counts {
        let none = if count == 0 { " none" } else { "" };
        let class = class(standing);
        let _ = writeln!(
            page,
            "<li><button type=\"button\" class=\"count {class}{none}\" data-filter=\"{class}\" aria-pressed=\"false\">\
             <b>{count}</b> {standing}</button></li>"
        );
    }
    page.push_str("</ul>\n</header>\n");
}

/// What the card declares in its answer to reset, beside what was seen.
fn declared(page: &mut String, report: &TestReport) {
    if report.declared.is_empty() {
        return;
    }
    page.push_str("<section class=\"attention\">\n<h2>Declared, observed</h2>\n<ul>\n");
    for row in &report.declared {
        let (class, mark) = match (row.differs, row.is_tried()) {
            (true, _) => ("inconclusive", "differs"),
            (false, true) => ("passed", "agrees"),
            (false, false) => ("not-run", "not tried"),
        };
        let _ = writeln!(
            page,
            "<li><span class=\"pill {class}\">{mark}</span><span>{}</span><span>declared: {}; observed: {}</span></li>",
            Text(&row.what),
            Text(&row.declared),
            Text(&row.seen)
        );
    }
    page.push_str("</ul>\n</section>\n");
}

/// What needs somebody: the run's own troubles, and each case that is neither passed nor accepted.
fn attention(page: &mut String, report: &TestReport) {
    let bad =
        |result: &&CaseResult| matches!(result.standing(), Standing::Failed | Standing::Error | Standing::Inconclusive);
    let troubles = report.troubles();
    let mut cases: Vec<&CaseResult> = report.results.iter().filter(bad).collect();
    if troubles.is_empty() && cases.is_empty() {
        return;
    }
    cases.sort_by_key(|result| result.standing());
    page.push_str("<section class=\"attention\">\n<h2>Needs attention</h2>\n<ul>\n");
    for trouble in troubles {
        let _ = writeln!(
            page,
            "<li><span class=\"pill {}\">run</span><span></span><span>{}</span></li>",
            trouble.end,
            Text(&trouble.text)
        );
    }
    for result in cases {
        let _ = writeln!(
            page,
            "<li><span class=\"pill {}\">{}</span><a href=\"#{id}\">{id}</a><span>{}</span></li>",
            class(result.standing()),
            result.standing(),
            Text(result.reason().unwrap_or(&result.purpose)),
            id = Text(&result.id)
        );
    }
    page.push_str("</ul>\n</section>\n");
}

fn cases(page: &mut String, report: &TestReport) {
    let mut suites: Vec<&str> = Vec::new();
    for result in &report.results {
        if !suites.contains(&result.suite.as_str()) {
            suites.push(&result.suite);
        }
    }
    page.push_str("<section class=\"cases\">\n<h2>Cases</h2>\n<div class=\"filter\">\n");
    page.push_str("<input type=\"search\" id=\"words\" placeholder=\"Find id, purpose, requirement, reason\" aria-label=\"Find\">\n");
    page.push_str("<select id=\"suite\" aria-label=\"Suite\"><option value=\"\">all suites</option>");
    for suite in &suites {
        let _ = write!(page, "<option>{}</option>", Text(suite));
    }
    page.push_str("</select>\n<output id=\"found\"></output>\n</div>\n");
    for suite in suites {
        let cases: Vec<&CaseResult> = report.results.iter().filter(|result| result.suite == suite).collect();
        let passed = cases.iter().filter(|case| case.standing() == Standing::Passed).count();
        let _ = writeln!(
            page,
            "<div class=\"suite\" data-suite=\"{name}\">\n<h3>{name} <small>{passed} of {} passed</small></h3>\n<div class=\"rows\">",
            cases.len(),
            name = Text(suite)
        );
        for case in cases {
            case::write(page, case);
        }
        page.push_str("</div>\n</div>\n");
    }
    page.push_str("</section>\n");
}

/// Requirements against cases.
fn coverage(page: &mut String, report: &TestReport, catalogues: &[Catalogue]) {
    let known = catalogues.iter().flat_map(|catalogue| &catalogue.requirements);
    let mut rows: Vec<(&str, &str, &str)> =
        known.map(|known| (known.id.as_str(), known.clause.as_str(), known.text.as_str())).collect();
    for id in report.results.iter().flat_map(|result| &result.requirements) {
        if !rows.iter().any(|(known, ..)| known == id) {
            rows.push((id, "", ""));
        }
    }
    if rows.is_empty() {
        return;
    }
    let proving = |id: &str| -> Vec<&CaseResult> {
        report.results.iter().filter(|result| result.requirements.iter().any(|own| own == id)).collect()
    };
    let seen = rows.iter().filter(|(id, ..)| proving(id).iter().any(|case| case.verdict().is_some())).count();
    let _ = writeln!(
        page,
        "<section class=\"coverage\">\n<h2>Requirements</h2>\n<p>{seen} of {} have a case that ran. Each square is a case, in the \
         colour of what came of it.</p>\n<table>\n<thead><tr><th>requirement</th><th>clause</th><th>cases</th><th>text</th></tr></thead>\n<tbody>",
        rows.len()
    );
    for (id, clause, text) in rows {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"squares\">", Text(id), Text(clause));
        let cases = proving(id);
        for case in &cases {
            let name = Text(&case.id);
            let standing = case.standing();
            let class = class(standing);
            let _ = write!(
                page,
                "<a class=\"{class}\" href=\"#{name}\" title=\"{name}: {standing}\"><span>{name}: {standing}</span></a>"
            );
        }
        if cases.is_empty() {
            page.push_str("<span class=\"nothing\">no case</span>");
        }
        let _ = writeln!(page, "</td><td>{}</td></tr>", Text(text));
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}
