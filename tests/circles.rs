//! No circle of imports between files: each file can be read, changed and taken away without the whole of its circle.
//!
//! A file imports another where its code names something that is written there, in a `use` or in a path; it does not matter how
//! the name travels. `pub mod` is no import. `pub use` of something below is no import either, unless the same file works with
//! the name: whoever takes the name from there imports the file in which it is written. Tests (`#[cfg(test)]`) do not count.

#![allow(clippy::unwrap_used, reason = "a source file that cannot be read should stop the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Where files may still import each other, by the beginning of their paths, and why.
const ALLOWED: &[(&[&str], &str)] = &[
    (
        &["src/conformance/rig.rs", "src/conformance/tester.rs"],
        "the tester owns the rig, and the rig's guard speaks to the card through the tester that asks it",
    ),
    (
        &["src/wire/"],
        "values lie in values: an answer to reset holds COMPACT-TLV, that a list, and a list what the explanation of all octets begins with",
    ),
    (
        &["src/family/mod.rs", "src/family/conversation.rs", "src/family/purse/"],
        "the door lists the families, and each family comes in by it: a list given to `main` will open it",
    ),
    (
        &["src/card/chip/mod.rs", "src/card/chip/rules.rs"],
        "a chip asks its rules, and a rule that is a step of the chip is given the chip, to do it before, after or instead",
    ),
    (
        &["src/family/purse/card/"],
        "a purse asks its rules, and a rule that is a step of the purse is given the purse, to do it before, after or instead",
    ),
    (&["src/app.rs", "src/app/"], "not opened yet: Options and what opens a reader stand in app.rs"),
    (
        &["src/cli.rs", "src/cli/"],
        "not opened yet: what every command prints with stands in cli.rs, which imports every command",
    ),
];

type Module = Vec<String>;

/// A path that the code of a module names: `crate::money::Amount`.
struct Named {
    line: usize,
    module: Module,
    path: Vec<String>,
}

/// A `use`: the name that the module has from then on, and what is behind it.
struct Used {
    named: Named,
    name: String,
    public: bool,
}

/// What one file says. Modules within a file belong to it.
#[derive(Default)]
struct File {
    used: Vec<Used>,
    named: Vec<Named>,
    words: BTreeSet<String>,
    below: Vec<String>,
}

/// All files of a crate, from `src/lib.rs` on as `mod` names them: tests are not reached.
struct Crate {
    files: BTreeMap<String, File>,
    modules: BTreeMap<Module, String>,
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token? {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    }
}

fn brace(token: Option<&TokenTree>) -> Option<TokenStream> {
    match token? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    }
}

/// The words of a path that starts at `at`, and where it ends.
fn path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    while let Some(word) = ident(tokens.get(at)) {
        words.push(word);
        at += 1;
        if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
            break;
        }
        at += 2;
    }
    (words, at)
}

/// Every path of a `use` with the name that it gets: `a::{b, c as d}` is `a::b` named b and `a::c` named d.
fn tree(tokens: &[TokenTree], before: &[String], found: &mut Vec<(usize, Vec<String>, String)>) {
    for piece in tokens.split(|token| is_punct(Some(token), ',')).filter(|piece| !piece.is_empty()) {
        let (words, end) = path(piece, 0);
        let line = piece[0].span().start().line;
        let mut all = [before, &words].concat();
        if let Some(inner) = brace(piece.get(end)) {
            tree(&inner.into_iter().collect::<Vec<_>>(), &all, found);
            continue;
        }
        if words.last().is_some_and(|word| word == "self") && all.len() > 1 {
            all.pop();
        }
        // `as` was taken for the end of the path; what follows is the new name.
        let renamed = ident(piece.get(end)).filter(|word| word == "as").and(ident(piece.get(end + 1)));
        let name = renamed.or_else(|| all.last().cloned()).unwrap_or_default();
        if is_punct(piece.get(end), '*') {
            found.push((line, [&all[..], &["*".to_owned()]].concat(), "*".to_owned()));
        } else {
            found.push((line, all, name));
        }
    }
}

impl File {
    fn read(&mut self, tokens: TokenStream, module: &Module, modules: &mut Vec<Module>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let ends = |token: &TokenTree| is_punct(Some(token), ';') || brace(Some(token)).is_some();
        let mut at = 0;
        while at < tokens.len() {
            let previous = at.checked_sub(1).and_then(|at| tokens.get(at));
            match &tokens[at] {
                TokenTree::Group(group) if is_punct(previous, '#') && is_test(&group.stream()) => {
                    at = tokens[at..].iter().position(ends).map_or(tokens.len(), |length| at + length);
                }
                TokenTree::Group(group) => self.read(group.stream(), module, modules),
                TokenTree::Ident(word) if word == "use" => {
                    let end = tokens[at..].iter().position(|token| is_punct(Some(token), ';')).map_or(at, |n| at + n);
                    let start = if is_punct(tokens.get(at + 1), ':') { end } else { at + 1 };
                    let public = ident(previous).is_some()
                        || matches!(previous, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    let mut found = Vec::new();
                    tree(&tokens[start..end.max(start)], &[], &mut found);
                    self.used.extend(found.into_iter().map(|(line, path, name)| Used {
                        named: Named { line, module: module.clone(), path },
                        name,
                        public,
                    }));
                    at = end.max(at);
                }
                TokenTree::Ident(word) if word == "mod" => {
                    let name = ident(tokens.get(at + 1)).unwrap_or_default();
                    if let Some(inner) = brace(tokens.get(at + 2)) {
                        let module = [&module[..], &[name]].concat();
                        modules.push(module.clone());
                        self.read(inner, &module, modules);
                        at += 2;
                    } else {
                        self.below.push(name);
                        at += 1;
                    }
                }
                TokenTree::Ident(word) => {
                    let line = word.span().start().line;
                    let (words, end) = path(&tokens, at);
                    self.words.insert(words[0].clone());
                    if words.len() > 1 && !is_punct(previous, ':') {
                        self.named.push(Named { line, module: module.clone(), path: words });
                    }
                    at = end.max(at + 1) - 1;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// `cfg(test)`
fn is_test(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

impl Crate {
    /// `read` gives the text of a file by its path.
    fn new(read: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut all = Self { files: BTreeMap::new(), modules: BTreeMap::new() };
        let mut open: Vec<Module> = vec![Vec::new()];
        while let Some(module) = open.pop() {
            let stem = [&["src".to_owned()], &module[..]].concat().join("/");
            let places = [format!("{stem}.rs"), format!("{stem}/mod.rs"), format!("{stem}/lib.rs")];
            let (name, text) = places.iter().find_map(|place| Some((place, read(place)?))).unwrap();
            let mut file = File::default();
            let mut modules = vec![module.clone()];
            file.read(text.parse().unwrap(), &module, &mut modules);
            open.extend(file.below.iter().map(|below| [&module[..], std::slice::from_ref(below)].concat()));
            all.modules.extend(modules.into_iter().map(|module| (module, name.clone())));
            all.files.insert(name.clone(), file);
        }
        all
    }

    fn below(&self, module: &[String], name: &str) -> Option<Module> {
        let below = [module, &[name.to_owned()]].concat();
        self.modules.contains_key(&below).then_some(below)
    }

    /// What a module calls `name` since a `use`: the file, or the module, that is behind it.
    fn alias(&self, module: &[String], name: &str, depth: usize) -> Option<Behind> {
        let used = &self.files[self.modules.get(module)?].used;
        let of_module = |used: &&Used| used.named.module == module && used.name == name && used.named.path != [name];
        self.behind(&used.iter().find(of_module)?.named, depth + 1)
    }

    /// Where the thing is written that a path names. `None`: outside this crate.
    fn behind(&self, named: &Named, depth: usize) -> Option<Behind> {
        if depth > 16 {
            return None;
        }
        let mut here = named.module.clone();
        let mut words = named.path.iter();
        let mut first = words.next()?;
        while first == "super" {
            here.pop();
            match words.as_slice().first() {
                Some(next) if next == "super" => first = words.next()?,
                _ => break,
            }
        }
        let mut at = match first.as_str() {
            "crate" => Behind::Module(Vec::new()),
            "self" | "super" => Behind::Module(here),
            name => match self.below(&here, name) {
                Some(below) => Behind::Module(below),
                None => self.alias(&here, name, depth)?,
            },
        };
        for word in words {
            let Behind::Module(module) = &at else { break };
            at = match self.below(module, word) {
                Some(below) => Behind::Module(below),
                None => match self.alias(module, word, depth) {
                    Some(behind) => behind,
                    None => Behind::File(self.modules[module].clone()),
                },
            };
        }
        Some(at)
    }

    /// For each file the files that it imports, and the lines that do it.
    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (name, file) in &self.files {
            let only_passed_on = |used: &Used, to: &str| {
                let folder = name.trim_end_matches(".rs").trim_end_matches("mod");
                used.public && to.starts_with(folder) && !file.words.contains(&used.name)
            };
            let by_use = file.used.iter().map(|used| (&used.named, Some(used)));
            let by_path = file.named.iter().map(|named| (named, None));
            let own = imports.entry(name.clone()).or_default();
            for (named, used) in by_use.chain(by_path) {
                // `Amount::from(1)` says no more than the `use` of `Amount`.
                let said =
                    used.is_none() && matches!(self.alias(&named.module, &named.path[0], 0), Some(Behind::File(_)));
                let Some(Behind::File(to)) = self.behind(named, 0).filter(|_| !said) else { continue };
                if to != *name && !used.is_some_and(|used| only_passed_on(used, &to)) {
                    own.entry(to).or_default().insert(format!("{name}:{}: {}", named.line, named.path.join("::")));
                }
            }
        }
        imports
    }
}

/// File, imported file, lines.
type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// All files that are reached from one by imports.
fn reached(imports: &Imports, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        open.extend(imports[&name].keys().filter(|to| reached.insert((*to).clone())).cloned());
    }
    reached
}

/// The files of each circle, and the lines that make it.
fn circles(imports: &Imports) -> BTreeMap<Vec<String>, Vec<String>> {
    let far: BTreeMap<&String, BTreeSet<String>> = imports.keys().map(|name| (name, reached(imports, name))).collect();
    let mut circles = BTreeMap::new();
    for (name, reached) in &far {
        let circle: Vec<String> = reached.iter().filter(|other| far[other].contains(*name)).cloned().collect();
        let mut lines = Vec::new();
        for (to, by) in circle.iter().flat_map(|from| &imports[from]).filter(|(to, _)| circle.contains(to)) {
            lines.extend(by.iter().map(|line| format!("  {line} ({to})")));
        }
        if !circle.is_empty() {
            circles.insert(circle, lines);
        }
    }
    circles
}

/// What a path leads to.
enum Behind {
    Module(Module),
    File(String),
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let all = Crate::new(&|path| fs::read_to_string(path).ok());
    let circles = circles(&all.imports());
    let is_of =
        |circle: &[String], allowed: &[&str]| circle.iter().all(|file| allowed.iter().any(|at| file.starts_with(at)));
    let new: Vec<String> = circles
        .iter()
        .filter(|(circle, _)| !ALLOWED.iter().any(|(allowed, _)| is_of(circle, allowed)))
        .map(|(circle, lines)| format!("{} files import each other:\n{}", circle.len(), lines.join("\n")))
        .collect();
    assert!(new.is_empty(), "{}", new.join("\n\n"));
    let gone = ALLOWED.iter().filter(|(allowed, _)| !circles.keys().any(|circle| is_of(circle, allowed)));
    let gone: Vec<&str> = gone.flat_map(|(allowed, _)| allowed.iter().copied()).collect();
    assert!(gone.is_empty(), "no circle is left here, so the exception goes: {}", gone.join(", "));
}

/// The circles of a crate of a few made-up files.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    circles(&Crate::new(&read).imports()).into_keys().collect()
}

const ROOT: (&str, &str) = ("src/lib.rs", "pub mod a;\npub mod b;");

#[test]
fn two_files_that_name_each_other_are_a_circle_however_they_do_it() {
    let one_way = ("src/a.rs", "pub struct A;\nuse crate::b::B;");
    for other_way in [
        "use crate::a::A;",
        "use super::a::{self, A as Renamed};",
        "use super::a;\nfn f() { a::g() }",
        "fn f() -> crate::a::A { todo!() }",
        "fn f() { println!(\"{}\", crate::a::A) }",
        "mod inner { use super::super::a::A; }",
        "fn f() { use crate::{a::*}; }",
    ] {
        let found = circles_of(&[ROOT, one_way, ("src/b.rs", other_way)]);
        assert_eq!(found, [["src/a.rs", "src/b.rs"]], "{other_way}");
    }
}

#[test]
fn declarations_tests_and_names_passed_on_are_no_imports() {
    let below = ("src/b/c.rs", "use super::B;\npub struct C;");
    let circle = |above: &str| circles_of(&[ROOT, ("src/a.rs", ""), ("src/b/mod.rs", above), below]);
    for above in [
        "pub struct B; pub mod c;",
        "pub struct B; pub mod c; pub use c::C;",
        "pub struct B; pub mod c; #[cfg(test)] mod tests { use super::c::C; }",
        "pub struct B; pub mod c; /* c::C */ const TEXT: &str = \"c::C\";",
        "pub use crate::a::B; pub mod c; use c::C;",
    ] {
        assert!(circle(above).is_empty(), "{above}");
    }
    for above in ["pub struct B; pub mod c; use self::c::C;", "pub struct B; pub mod c; pub use c::C; fn f(c: C) {}"] {
        assert_eq!(circle(above), [["src/b/c.rs", "src/b/mod.rs"]], "{above}");
    }
}

#[test]
fn a_name_is_imported_from_where_it_is_written() {
    let passes_on = ("src/a/mod.rs", "pub mod deep;\npub use deep::A;");
    let written = ("src/a/deep.rs", "pub struct A; use crate::b::B;");
    let found = circles_of(&[ROOT, passes_on, written, ("src/b.rs", "pub struct B; use crate::a::A;")]);
    assert_eq!(found, [["src/a/deep.rs", "src/b.rs"]]);
}
