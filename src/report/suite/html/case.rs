//! One case of the HTML page, with its log.

use std::fmt::Write as _;

use super::text::{Text, class};
use crate::conformance::evidence::Line;
use crate::conformance::result::{CaseResult, Standing};
use crate::report::suite::log::{self, Meanings, content, duration, kind};

pub(super) fn write(page: &mut String, result: &CaseResult) {
    let standing = result.standing();
    let class = class(standing);
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<details class=\"case {class}\" id=\"{id}\" data-standing=\"{class}\">\n<summary><span class=\"pill {class}\">{standing}</span>\
         <span class=\"id\">{id}</span><span class=\"purpose\">{purpose}",
        id = Text(&result.id),
        purpose = Text(&result.purpose)
    );
    if let Some(reason) = result.reason().filter(|_| standing != Standing::Passed) {
        let _ = write!(page, "<span class=\"reason\">{}</span>", Text(reason));
    }
    let _ = writeln!(page, "</span><span class=\"took\">{}</span></summary>", duration(result.micros));
    facts(page, result);
    if !result.evidence.is_empty() {
        log(page, result);
    }
    page.push_str("</details>\n");
}

fn facts(page: &mut String, result: &CaseResult) {
    let expected = result.expected.as_ref().map(|expected| format!("{} (until {})", expected.reason, expected.until));
    let facts = [
        ("requirements", result.requirements.join(", ")),
        ("risk", result.risk.to_string()),
        ("revision", result.revision.to_string()),
        ("expected", expected.unwrap_or_default()),
        ("evidence", result.evidence_file.clone().unwrap_or_default()),
    ];
    page.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(value));
    }
    let _ = writeln!(
        page,
        "<div><dt>again</dt><dd><code>untorn test --replay {}</code></dd></div>\n</dl>",
        Text(&result.replay)
    );
}

fn log(page: &mut String, result: &CaseResult) {
    // What passed is not read octet by octet, and there is much of it.
    let explained = result.standing() != Standing::Passed;
    let meanings = Meanings::of_case(result);
    page.push_str("<table class=\"log\">\n");
    let mut number = 0;
    for line in log::shown(result) {
        if line.number > number + 1 {
            let left_out = line.number - number - 1;
            let _ = writeln!(page, "<tr class=\"gap\"><td></td><td></td><td>{left_out} lines left out</td></tr>");
        }
        number = line.number;
        row(page, line, &meanings, result.rests_on() == Some(line.number), explained);
    }
    page.push_str("</table>\n");
}

fn row(page: &mut String, line: &Line, meanings: &Meanings, rests: bool, explained: bool) {
    let kind = kind(&line.what);
    let mark = if rests { " rests" } else { "" };
    let _ = write!(page, "<tr class=\"{}{mark}\"><td>{}</td><td>{kind}</td><td>", kind.replace(' ', "-"), line.number);
    let listing = meanings.listing(line);
    let said = meanings.of(line).map_or(String::new(), |meaning| format!("<i>{}</i>", Text(&meaning)));
    let text = content(&line.what);
    let shown = match listing {
        Some(_) => format!("{said}<code>{}</code>", Text(&spaced(&text))),
        None => Text(&text).to_string(),
    };
    // Writing to a string cannot fail.
    let _ = match listing.filter(|_| explained) {
        Some(listing) => {
            write!(page, "<details><summary>{shown}</summary><pre>{}</pre></details>", Text(&listing))
        }
        None => write!(page, "<span class=\"plain\">{shown}</span>"),
    };
    if rests {
        page.push_str("<b class=\"why\">the verdict rests on this line</b>");
    }
    page.push_str("</td></tr>\n");
}

/// Hexadecimal, an octet at a time, so that it breaks between octets.
fn spaced(hex: &str) -> String {
    let mut spaced = String::with_capacity(hex.len() * 3 / 2);
    for (index, c) in hex.chars().enumerate() {
        if index > 0 && index % 2 == 0 {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    spaced
}
