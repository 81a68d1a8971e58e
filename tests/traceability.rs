//! Requirements to cases and cases to requirements: both directions.

#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

use untorn::app::suites;
use untorn::conformance::case::Case;
use untorn::conformance::requirement::{Catalogue, Exceptions};
use untorn::report::traceability::{gaps, write};

#[test]
fn every_requirement_has_a_case_or_a_reason_and_every_case_a_requirement() {
    let gaps = gaps(&suites::cases(), &suites::requirements().unwrap(), &suites::exceptions().unwrap());
    assert!(gaps.is_empty(), "{gaps:#?}");
}

#[test]
fn each_kind_of_gap_is_found() {
    let catalogue = "specification = 'toy'\nrevision = 1\n\
        [[requirement]]\nid = 'A-1'\nclause = '1'\ntext = 't'\n\
        [[requirement]]\nid = 'A-2'\nclause = '1'\ntext = 't'\n\
        [[requirement]]\nid = 'A-3'\nclause = '1'\ntext = 't'\n";
    let catalogues = [Catalogue::parse(catalogue).unwrap()];
    let cases = [Case::new("TOY-A-001", "A purpose.").proves(&["A-1", "A-9"]), Case::new("TOY-A-002", "A purpose.")];
    let exceptions = Exceptions::parse(
        "[[exception]]\nrequirement = 'A-2'\nreason = 'a reason'\n\
         [[exception]]\nrequirement = 'A-1'\nreason = 'proved meanwhile'\n\
         [[exception]]\nrequirement = 'A-8'\nreason = 'not there'\n",
    );
    let exceptions = exceptions.unwrap();
    let found = gaps(&cases, &catalogues, &exceptions);
    assert_eq!(found.unproved, ["A-3"]);
    assert_eq!(found.unknown, [("TOY-A-001".to_owned(), "A-9".to_owned())]);
    assert_eq!(found.aimless, ["TOY-A-002"]);
    assert_eq!(found.stale, ["A-1", "A-8"]);

    let text = write(&cases, &catalogues, &exceptions);
    for line in [
        "| A-1 | 1 | TOY-A-001 |",
        "| A-2 | 1 | none: a reason |",
        "| A-3 | 1 | **none** |",
        "| TOY-A-001 | A-1, A-9 |  |",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}
