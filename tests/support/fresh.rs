//! Pages in reports/ that the program makes.

/// Stops the test where the page is not what the program makes now, with the line that differs and how to mend it.
#[track_caller]
pub fn is_fresh(name: &str, now: &str) {
    let kept = std::fs::read_to_string(format!("reports/{name}")).unwrap_or_default();
    if kept == now {
        return;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), now.lines().collect());
    let at = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    panic!(
        "reports/{name} is not what the program makes now; `make reports` makes it anew. Line {}:\n  there: {}\n  now:   {}",
        at + 1,
        old.get(at).unwrap_or(&"(ends)"),
        new.get(at).unwrap_or(&"(ends)")
    );
}
