//! The journal on disk: one SQLite file, one writer, any number of readers.
//!
//! Beside the file `journal.db` lie `journal.db-lock`, empty, which the writer holds locked, and, while it is open or after a crash,
//! `journal.db-wal` and `journal.db-shm`, which belong to it: copy or move all of them, or close it first. `journal.db-reserve` is room for the
//! ends of open orders (`reserve.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Params, Row, TransactionBehavior, ffi, params,
    params_from_iter,
};

use super::chain::{Line, LineHash};
use super::file::{self, Found, Lock, beside, corrupt, io_failure, storage};
use super::record::{CardReference, Entry, Intent, OrderNumber};
use super::reserve::Reserve;
use super::view::{OrderView, Orders};
use super::{Belief, Committed, Journal, JournalError, OpenRecord, rules, select_beliefs};
use crate::disk;
use crate::malformed;
use crate::time::Moment;

/// Of format 1.
const SCHEMA: &str = include_str!("schema.sql");
/// The one place in it where format 2 differs: that there are alarms.
const KINDS: [&str; 2] = ["'unresolved-final', 'acknowledged'))", "'unresolved-final', 'acknowledged', 'alarm'))"];
/// Lines after which the log is taken into the file while no card waits; some five pages each, so that SQLite does not come to do it
/// in the middle of a payment, at 1000 pages.
const CHECKPOINT_LINES: u32 = 100;

/// Reads a journal, also while another process writes it.
#[derive(Debug)]
pub struct SqliteReader {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    /// Where the file is read as it lies, nobody may write it meanwhile.
    _lock: Option<Lock>,
}

/// SQLite's VFS that locks nothing, and so writes no locks either (sqlite.org/vfs.html, 2.1).
const VFS_WITHOUT_LOCKS: &str = "unix-none";

/// A journal in a file, open for writing. Only one at a time can be.
///
/// ```
/// use untorn::journal::{Journal, sqlite::SqliteJournal};
/// let directory = tempfile::tempdir().unwrap();
/// let mut journal = SqliteJournal::open(directory.path().join("journal.db")).unwrap();
/// assert_eq!(journal.next_order().unwrap().0, 1);
/// assert!(journal.reader().verify().unwrap().fault.is_none());
/// ```
#[derive(Debug)]
pub struct SqliteJournal {
    // Before the lock: the file is closed while it is still ours.
    reader: SqliteReader,
    is_new: bool,
    /// What is open, of all cards; nobody else writes. A card is waiting when it is asked for, and to find it in the file takes the
    /// longer the more sales the card has had. `None`: to be read.
    open: Option<Vec<OpenRecord>>,
    /// Lines since the log was last taken into the file.
    logged: u32,
    /// Why nothing can be written.
    refuses: Option<JournalError>,
    // Behind the reader, whose files go first.
    reserve: Reserve,
    _lock: Option<Lock>,
}

/// Which orders to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// The latest so many.
    Latest(u32),
    /// Those with an attempt whose end is not known.
    Unresolved,
    /// Those of one card.
    Card(CardReference),
    /// This one.
    One(OrderNumber),
}

impl SqliteJournal {
    /// Opens a journal for writing. Where nothing is, no link and nothing of an older journal either, it makes one, and the directories
    /// above it.
    ///
    /// # Errors
    /// - [`JournalError::InUse`] at once, while another process or another value of this one has it open.
    /// - [`JournalError::Foreign`], [`JournalError::Newer`], [`JournalError::Corrupt`]: the file was not touched. Only its header, its
    ///   schema and its last line are checked here; [`SqliteReader::verify`] checks all.
    /// - [`JournalError::Storage`], when the system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let (path, is_new) = match file::find(path.as_ref())? {
            Found::Something(path) => (path, false),
            Found::Nothing(path) => {
                let path = file::prepare(&path)?;
                let is_new = create(&path)?;
                (path, is_new)
            }
        };
        // The lock comes before the first look: to open and close a file of which this process holds POSIX locks would drop those. Where
        // there is no lock file nobody writes, and none must appear beside a file that is not ours.
        let lock = match Lock::existing(&path)? {
            Some(lock) => lock,
            None => file::inspect(&path).and_then(|()| Lock::create(&path))?,
        };
        file::inspect(&path)?;
        let mut reserve = Reserve::of(&path);
        let db = with_reserve(&mut reserve, || connect_checked(&path))?;
        Ok(Self {
            reader: SqliteReader { db, path, _lock: None },
            reserve,
            is_new,
            open: None,
            logged: 0,
            refuses: None,
            _lock: Some(lock),
        })
    }

    /// Opens a journal that cannot be opened for writing, because of `refusal`, for who only looks at a card. What is there can be read;
    /// to write gives the refusal. Until this is closed, no other process writes it.
    pub fn open_to_look(path: impl AsRef<Path>, refusal: JournalError) -> Result<Self, JournalError> {
        let reader = SqliteReader::open_as_it_lies(fs::canonicalize(path.as_ref()).map_err(|_| refusal.clone())?)?;
        let reserve = Reserve::of(&reader.path);
        Ok(Self { reader, is_new: false, open: None, logged: 0, refuses: Some(refusal), reserve, _lock: None })
    }

    /// Whether this call of [`SqliteJournal::open`] has made it: people must be told, for a journal of theirs may lie elsewhere.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Reads the same journal.
    pub const fn reader(&self) -> &SqliteReader {
        &self.reader
    }

    /// Writes one line; when this returns, the line is on the disk.
    fn write(&mut self, entry: &Entry, now: Moment) -> Result<(), JournalError> {
        // Out while it is written: after an error the file alone knows.
        let open = self.open.take();
        let mut written = self.insert(entry, now);
        // The room that is kept is for the ends of orders, never for a new one.
        while is_refused(&written) && !matches!(entry, Entry::Intent(_)) && self.reserve.give_back() {
            written = self.insert(entry, now);
        }
        written?;
        self.open = open.map(|records| follow(records, entry));
        self.logged += 1;
        Ok(())
    }

    /// Writes one line in a transaction of its own.
    fn insert(&mut self, entry: &Entry, now: Moment) -> Result<(), JournalError> {
        if let Some(refusal) = &self.refuses {
            return Err(refusal.clone());
        }
        let path = self.reader.path.clone();
        let time = i64::try_from(now.millis())
            .map_err(|_| storage("write to", &path, &format!("the time {now} is out of range")))?;
        let json = serde_json::to_string(entry).map_err(|error| storage("write to", &path, &error))?;
        let fail = |error| failure("write to", &path, &error);
        if matches!(entry, Entry::Alarm { .. }) && format_of(&self.reader.db).map_err(fail)? == file::FIRST_VERSION {
            admit_alarms(&mut self.reader.db).map_err(fail)?;
        }
        let transaction = self.reader.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let earlier = entries_of(&transaction, &path, entry.order())?;
        rules::check(entry, &earlier)?;
        let (sequence, previous) = last_hash(&transaction).map_err(fail)?;
        let hash = previous.next(sequence + 1, now, json.as_bytes());
        transaction
            .prepare_cached("INSERT INTO entry (sequence, time_ms, json, hash) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut insert| insert.execute(params![sequence.cast_signed() + 1, time, json, hash.0]))
            .map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => rules::contradiction(entry, &error.to_string()),
                _ => fail(error),
            })?;
        transaction.commit().map_err(fail)
    }
}

impl Journal for SqliteJournal {
    fn commit(&mut self, intent: Intent, now: Moment) -> Result<Committed, JournalError> {
        let entry = Entry::Intent(intent.clone());
        if self.refuses.is_none() {
            let orders = Journal::open(self, None)?.len() + 1;
            let held = self.reserve.hold(orders);
            held.map_err(|error| io_failure("keep room for the end of the order beside", &self.reader.path, &error))?;
        }
        self.write(&entry, now)?;
        Ok(Committed { intent })
    }

    fn append(&mut self, entry: Entry, now: Moment) -> Result<(), JournalError> {
        match entry {
            Entry::Intent(_) => Err(rules::contradiction(&entry, "an intent is written by commit only")),
            _ => self.write(&entry, now),
        }
    }

    fn open(&mut self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError> {
        let records = match self.open.take() {
            Some(records) => records,
            None => self.reader.unresolved(None)?,
        };
        let of_card = |record: &&OpenRecord| card.is_none_or(|card| *card == record.intent.card);
        Ok(self.open.insert(records).iter().filter(of_card).cloned().collect())
    }

    fn beliefs(&mut self, card: &CardReference, transactions: &[String]) -> Result<Vec<Belief>, JournalError> {
        let SqliteReader { db, path, .. } = &self.reader;
        let fail = |error| failure("read", path, &error);
        let mut statement = db
            .prepare_cached(
                "SELECT sequence, json FROM entry WHERE kind = 'intent' AND card = ?1 ORDER BY sequence DESC",
            )
            .map_err(fail)?;
        let mut rows = statement.query([&card.0]).map_err(fail)?;
        let attempt = |row: &Row<'_>| {
            let Entry::Intent(intent) = entry(row, path)? else { return Ok(None) };
            let mut belief = Belief::of(intent);
            entries_of(db, path, belief.intent.order)?.iter().for_each(|entry| belief.add(entry));
            Ok(Some(belief))
        };
        let attempts = std::iter::from_fn(|| match rows.next() {
            Ok(row) => attempt(row?).transpose(),
            Err(error) => Some(Err(fail(error))),
        });
        select_beliefs(attempts, transactions)
    }

    fn entries_of(&mut self, card: Option<&CardReference>, visit: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        let SqliteReader { db, path, .. } = &self.reader;
        let fail = |error| failure("read", path, &error);
        let filter = match card {
            Some(_) => "WHERE order_number IN (SELECT order_number FROM entry WHERE kind = 'intent' AND card = ?1)",
            None => "",
        };
        let sql = format!("SELECT sequence, json FROM entry {filter} ORDER BY sequence");
        let mut statement = db.prepare_cached(&sql).map_err(fail)?;
        let mut rows = statement.query(params_from_iter(card.map(|card| &card.0))).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            visit(entry(row, path)?);
        }
        Ok(())
    }

    fn next_order(&mut self) -> Result<OrderNumber, JournalError> {
        if self.logged >= CHECKPOINT_LINES {
            self.logged = 0;
            let checkpoint = self.reader.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
            checkpoint.map_err(|error| failure("write to", &self.reader.path, &error))?;
        }
        let highest =
            self.reader.db.query_row("SELECT coalesce(max(order_number), 0) FROM entry", (), |row| row.get(0));
        rules::number_after(highest.map_err(|error| failure("read", &self.reader.path, &error))?)
    }
}

impl SqliteJournal {
    /// A second view of this journal, for the process that writes it.
    ///
    /// [`SqliteReader::open`] must not be used there: it looks at the file before SQLite does, and to close a file of which this
    /// process holds POSIX locks drops those; another program could then take the log away under the writer.
    pub fn another_reader(&self) -> Result<SqliteReader, JournalError> {
        let path = self.reader.path.clone();
        let db = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| failure("open", &path, &error))?;
        Ok(SqliteReader { db, path, _lock: None })
    }
}

impl SqliteReader {
    /// Opens a journal for reading only, also while a terminal writes it: what is read is as of one moment.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`], except for `InUse`; where that would make one, [`JournalError::Missing`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = match file::find(path.as_ref())? {
            Found::Something(path) => path,
            Found::Nothing(path) => return Err(JournalError::Missing { path: path.display().to_string() }),
        };
        file::inspect(&path)?;
        let made = Sides::before(&path);
        let opened = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        // The first look makes the side files.
        let (error, as_it_lies) = match opened.and_then(|db| format_of(&db).map(|_| db)) {
            Ok(db) => match check(&db, &path) {
                Ok(()) => return Ok(Self { db, path, _lock: None }),
                Err(error) => (error, false),
            },
            Err(error) => (failure("open", &path, &error), is_of_the_system(&error)),
        };
        // Only while nobody writes: a log that was not there before may be a writer's by now.
        if let Ok(Some(_lock)) = Lock::existing(&path) {
            made.remove();
        }
        if as_it_lies { Self::open_as_it_lies(path) } else { Err(error) }
    }

    /// Opens a journal where nothing can be written. SQLite needs its side files, also to read (sqlite.org/wal.html, 5). Without a log
    /// it is told that the file does not change ("immutable"). With one, which that would pass over, it keeps the index of the log in its
    /// memory (sqlite.org/wal.html, 8); the lock that it wants for this cannot be had on a file that may only be read, so ours alone keeps
    /// writers out, for as long as this is open.
    fn open_as_it_lies(path: PathBuf) -> Result<Self, JournalError> {
        let lock = Lock::shared(&path)?;
        // Again, now that nobody writes.
        file::inspect(&path)?;
        let has_log = fs::metadata(beside(&path, "-wal")).is_ok_and(|log| log.len() > 0);
        let opened = if has_log {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags_and_vfs(&path, flags, VFS_WITHOUT_LOCKS).and_then(|db| {
                db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                // Before anything that reads the file.
                db.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
                configured(db)
            })
        } else {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            connect(&file::immutable_uri(&path), flags)
        };
        let db = opened.map_err(|error| failure("open", &path, &error))?;
        check(&db, &path)?;
        Ok(Self { db, path, _lock: lock })
    }

    /// Where the journal is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The time of the last line; `None` where there is none.
    pub fn newest(&self) -> Result<Option<Moment>, JournalError> {
        let fail = |error| failure("read", &self.path, &error);
        let newest = self
            .db
            .query_row("SELECT time_ms FROM entry ORDER BY sequence DESC LIMIT 1", (), |row| row.get::<_, i64>(0));
        Ok(newest.optional().map_err(fail)?.map(|millis| Moment::from_millis(millis.cast_unsigned())))
    }

    /// Gives every line, oldest first, to `visit`, until that fails. The chain is not checked here.
    pub fn lines(&self, mut visit: impl FnMut(Line) -> Result<(), JournalError>) -> Result<(), JournalError> {
        let fail = |error| failure("read", &self.path, &error);
        let mut statement =
            self.db.prepare("SELECT sequence, time_ms, json, hash FROM entry ORDER BY sequence").map_err(fail)?;
        let mut rows = statement.query(()).map_err(fail)?;
        let mut previous = LineHash::genesis(&id(&self.db).map_err(fail)?);
        while let Some(row) = rows.next().map_err(fail)? {
            let line = line(row, previous, &self.path)?;
            previous = line.hash;
            visit(line)?;
        }
        Ok(())
    }

    /// What became of the selected orders, the latest first.
    pub fn orders(&self, selection: &Selection) -> Result<Vec<OrderView>, JournalError> {
        match selection {
            Selection::All => self.select("SELECT order_number FROM entry", ()),
            Selection::Latest(count) => {
                self.select("SELECT DISTINCT order_number FROM entry ORDER BY order_number DESC LIMIT ?1", [count])
            }
            Selection::Unresolved => self.select("SELECT order_number FROM unresolved", ()),
            Selection::Card(card) => {
                self.select("SELECT order_number FROM entry WHERE kind = 'intent' AND card = ?1", [&card.0])
            }
            Selection::One(order) => self.select("SELECT ?1", [order.0]),
        }
    }

    /// The orders whose numbers a query gives.
    fn select(&self, numbers: &str, parameters: impl Params) -> Result<Vec<OrderView>, JournalError> {
        let sql =
            format!("SELECT sequence, time_ms, json FROM entry WHERE order_number IN ({numbers}) ORDER BY sequence");
        let fail = |error| failure("read", &self.path, &error);
        let mut statement = self.db.prepare(&sql).map_err(fail)?;
        let mut rows = statement.query(parameters).map_err(fail)?;
        let mut orders = Orders::default();
        while let Some(row) = rows.next().map_err(fail)? {
            let time = row.get::<_, i64>("time_ms").map_err(fail)?;
            orders.add(Moment::from_millis(time.cast_unsigned()), &entry(row, &self.path)?);
        }
        Ok(orders.latest_first())
    }

    /// Attempts without resolution, oldest first; of one card, or of all. What [`Journal::open`] gives.
    pub fn unresolved(&self, card: Option<&CardReference>) -> Result<Vec<OpenRecord>, JournalError> {
        const OPEN: &str = "SELECT sequence, json,
            EXISTS (SELECT 1 FROM entry WHERE order_number = unresolved.order_number
                AND attempt = unresolved.attempt AND kind = 'unresolved-final'),
            EXISTS (SELECT 1 FROM entry WHERE order_number = unresolved.order_number
                AND attempt = unresolved.attempt AND kind = 'acknowledged')
            FROM unresolved";
        let fail = |error| failure("read", &self.path, &error);
        let filter = if card.is_some() { "WHERE card = ?1" } else { "" };
        let mut statement = self.db.prepare_cached(&format!("{OPEN} {filter} ORDER BY sequence")).map_err(fail)?;
        let mut rows = match card {
            Some(card) => statement.query([&card.0]).map_err(fail)?,
            None => statement.query(()).map_err(fail)?,
        };
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            let Entry::Intent(intent) = entry(row, &self.path)? else { continue };
            let is_final = row.get(2).map_err(fail)?;
            records.push(OpenRecord { intent, is_final, is_acknowledged: row.get(3).map_err(fail)? });
        }
        Ok(records)
    }
}

/// Whether there was no room for it.
fn is_refused<T>(done: &Result<T, JournalError>) -> bool {
    matches!(done, Err(JournalError::Storage { reason, .. }) if disk::is_want_of_room(reason))
}

/// Does it with the room that is kept, where the disk has no other.
fn with_reserve<T>(
    reserve: &mut Reserve,
    mut done: impl FnMut() -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    loop {
        match done() {
            refused if is_refused(&refused) && reserve.give_back() => {}
            ended => return ended,
        }
    }
}

/// What is open after one more entry.
fn follow(mut records: Vec<OpenRecord>, entry: &Entry) -> Vec<OpenRecord> {
    let is_same =
        |record: &OpenRecord| record.intent.order == entry.order() && record.intent.attempt == entry.attempt();
    match entry {
        Entry::Intent(intent) => {
            records.push(OpenRecord { intent: intent.clone(), is_final: false, is_acknowledged: false });
        }
        Entry::Resolved { .. } => records.retain(|record| !is_same(record)),
        Entry::Alarm { .. } => {}
        Entry::UnresolvedFinal { .. } => {
            records.iter_mut().filter(|record| is_same(record)).for_each(|record| record.is_final = true);
        }
        Entry::Acknowledged { .. } => {
            records.iter_mut().filter(|record| is_same(record)).for_each(|record| record.is_acknowledged = true);
        }
    }
    records
}

/// Makes a whole journal under another name first, so that a crash leaves either none or one; `false` where another process was first.
fn create(path: &Path) -> Result<bool, JournalError> {
    let _held = file::hold_directory(path)?;
    if let Found::Something(_) = file::find(path)? {
        return Ok(false);
    }
    let made = beside(path, "-new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        match fs::remove_file(beside(&made, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_failure("create", path, &error));
            }
            _ => {}
        }
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| storage("create", path, &error))?;
    let fill = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut db = Connection::open_with_flags(&made, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        db.pragma_update(None, "page_size", file::PAGE_LEN)?;
        db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        let transaction = db.transaction()?;
        transaction.pragma_update(None, "application_id", file::APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", file::FIRST_VERSION)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("INSERT INTO journal (one, id) VALUES (1, ?1)", [id])?;
        transaction.commit()?;
        db.close().map_err(|(_, error)| error)
    };
    fill().map_err(|error| failure("create", path, &error))?;
    file::publish_new(&made, path).map_err(|error| io_failure("create", path, &error))
}

/// Opens for writing. Until the checks have passed, nothing is written: no checkpoint either, should they fail.
fn connect_checked(path: &Path) -> Result<Connection, JournalError> {
    let made = Sides::before(path);
    let fail = |error| failure("open", path, &error);
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fail)?;
    let checked = db
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(fail)
        .and_then(|_| check(&db, path))
        .and_then(|()| db.is_readonly("main").map_err(fail));
    match checked {
        Ok(false) => {}
        Ok(true) => return Err(storage("write to", path, &"it may only be read")),
        Err(error) => {
            drop(db);
            made.remove();
            return Err(error);
        }
    }
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(fail)?;
    Ok(db)
}

/// Opens and sets what both readers and the writer need; reads nothing yet.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    configured(Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

fn configured(db: Connection) -> rusqlite::Result<Connection> {
    // A commit returns after the log is on the disk (sqlite.org/pragma.html, synchronous); macOS needs the second for that.
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "fullfsync", true)?;
    // The file may come from anywhere: its schema may not call what has effects, its pages are checked as they are read.
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

/// Whether this is a journal of ours, and its last line what the line before it says.
fn check(db: &Connection, path: &Path) -> Result<(), JournalError> {
    let fail = |error| failure("open", path, &error);
    let format = format_of(db).map_err(fail)?;
    let expected =
        Connection::open_in_memory().and_then(|db| db.execute_batch(&schema_of(format)).and_then(|()| schema(&db)));
    if expected.map_err(fail)? != schema(db).map_err(fail)? {
        return Err(corrupt(path, "its tables, rules or indices are not the ones that untorn made"));
    }
    let mut statement =
        db.prepare("SELECT sequence, time_ms, json, hash FROM entry ORDER BY sequence DESC LIMIT 2").map_err(fail)?;
    let mut rows = statement.query(()).map_err(fail)?;
    let genesis = LineHash::genesis(&id(db).map_err(fail)?);
    let Some(last) = rows.next().map_err(fail)?.map(|row| line(row, genesis, path)).transpose()? else { return Ok(()) };
    let before = rows.next().map_err(fail)?.map(|row| line(row, genesis, path)).transpose()?;
    let (sequence, previous) = before.map_or((0, genesis), |line| (line.sequence, line.hash));
    let expected = previous.next(last.sequence, last.time, last.json.as_bytes());
    if last.sequence != sequence + 1 {
        return Err(corrupt(path, &format!("expected line {} at the end, got line {}", sequence + 1, last.sequence)));
    }
    if last.hash != expected {
        let reason = format!("line {}, the last: expected hash {expected}, got {}", last.sequence, last.hash);
        return Err(corrupt(path, &reason));
    }
    Ok(())
}

/// The format that a file says it has.
fn format_of(db: &Connection) -> rusqlite::Result<u32> {
    db.query_row("PRAGMA user_version", (), |row| row.get(0))
}

/// The SQL of a format.
fn schema_of(format: u32) -> String {
    if format == file::FIRST_VERSION { SCHEMA.to_owned() } else { SCHEMA.replace(KINDS[0], KINDS[1]) }
}

/// Makes format 2 of a journal of format 1, in which no line is changed: it may hold alarms from then on. Only the text of a rule
/// changes, which SQLite does in place (sqlite.org/lang_altertable.html, 7). Older versions refuse the file from then on.
fn admit_alarms(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.query_row("PRAGMA schema_version", (), |row| row.get(0))?;
    transaction.pragma_update(None, "writable_schema", true)?;
    transaction.execute("UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2) WHERE name = 'entry'", KINDS)?;
    transaction.pragma_update(None, "schema_version", version + 1)?;
    transaction.pragma_update(None, "user_version", file::VERSION)?;
    transaction.commit()?;
    db.pragma_update(None, "writable_schema", "RESET")?;
    // The header itself is to say so, to whoever looks at it alone.
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}

/// The SQL of all that a file defines.
fn schema(db: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut statement = db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// The journal's id, from which its chain begins.
pub(super) fn id(db: &Connection) -> rusqlite::Result<[u8; 16]> {
    db.query_row("SELECT id FROM journal", (), |row| row.get(0))
}

/// Sequence number and hash of the last line; 0 and the genesis before the first.
fn last_hash(db: &Connection) -> rusqlite::Result<(u64, LineHash)> {
    let mut statement = db.prepare_cached("SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1")?;
    let last = statement.query_row((), |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), LineHash(row.get(1)?))));
    last.optional()?.map_or_else(|| Ok((0, LineHash::genesis(&id(db)?))), Ok)
}

/// The entries of one order, oldest first.
fn entries_of(db: &Connection, path: &Path, order: OrderNumber) -> Result<Vec<Entry>, JournalError> {
    let fail = |error| failure("read", path, &error);
    let mut statement = db
        .prepare_cached("SELECT sequence, json FROM entry WHERE order_number = ?1 ORDER BY sequence")
        .map_err(fail)?;
    let mut rows = statement.query([order.0]).map_err(fail)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(fail)? {
        entries.push(entry(row, path)?);
    }
    Ok(entries)
}

/// The entry in a row with `sequence` and `json`.
fn entry(row: &Row<'_>, path: &Path) -> Result<Entry, JournalError> {
    let fail = |error| failure("read", path, &error);
    let sequence = row.get::<_, i64>("sequence").map_err(fail)?;
    let json = row.get_ref("json").map_err(fail)?.as_str();
    let json = json.map_err(|error| corrupt(path, &format!("line {sequence}: {error}")))?;
    serde_json::from_str(json)
        .map_err(|error| corrupt(path, &format!("line {sequence}: no entry: {}", malformed::json(&error))))
}

/// The line in a row with `sequence`, `time_ms`, `json`, `hash`.
fn line(row: &Row<'_>, previous: LineHash, path: &Path) -> Result<Line, JournalError> {
    let fail = |error| failure("read", path, &error);
    Ok(Line {
        sequence: row.get::<_, i64>("sequence").map_err(fail)?.cast_unsigned(),
        time: Moment::from_millis(row.get::<_, i64>("time_ms").map_err(fail)?.cast_unsigned()),
        entry: entry(row, path)?,
        json: row.get("json").map_err(fail)?,
        previous,
        hash: LineHash(row.get("hash").map_err(fail)?),
    })
}

/// What SQLite says, as ours. Our statements are fixed: one that suddenly is wrong means that the file is.
pub(super) fn failure(operation: &str, path: &Path, error: &rusqlite::Error) -> JournalError {
    let is_file = match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        }
        _ => true,
    };
    if is_file {
        return corrupt(path, &error.to_string());
    }
    match disk_cause(path, error) {
        Some(cause) => storage(operation, path, &cause),
        None => storage(operation, path, error),
    }
}

/// What SQLite says where the system has refused something.
fn is_of_the_system(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(CannotOpen | DiskFull | ReadOnly | SystemIoFailure))
}

/// SQLite says "disk I/O error" of most that the system refuses, and not what that was.
fn disk_cause(path: &Path, error: &rusqlite::Error) -> Option<&'static str> {
    if !is_of_the_system(error) {
        return None;
    }
    let code = error.sqlite_error().map(|error| error.extended_code);
    // The second: the shared memory (-shm) could not be made as long as it must be.
    if matches!(code, Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE)) {
        return Some(disk::FULL);
    }
    // SQLite tells a full disk from other refusals, a quota it does not.
    disk::cause_at(path).or_else(|| (code == Some(ffi::SQLITE_IOERR_WRITE)).then_some(disk::TAKES_NO_MORE))
}

/// The side files that were not there before.
struct Sides(Vec<PathBuf>);

impl Sides {
    fn before(path: &Path) -> Self {
        Self(["-wal", "-shm"].map(|suffix| beside(path, suffix)).into_iter().filter(|side| !side.exists()).collect())
    }

    /// Removes them; a refusal to do that would hide the error that matters more.
    fn remove(self) {
        for side in self.0 {
            drop(fs::remove_file(side));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No kill of a process shows what a power cut would: that the log was not flushed.
    #[test]
    fn a_commit_waits_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(directory.path().join("journal.db")).unwrap();
        let setting = |name| {
            journal
                .reader
                .db
                .pragma_query_value(None, name, |row| {
                    row.get::<_, String>(0).or_else(|_| Ok(row.get::<_, i64>(0)?.to_string()))
                })
                .unwrap()
        };
        assert_eq!([setting("synchronous"), setting("journal_mode"), setting("locking_mode")], ["2", "wal", "normal"]);
    }
}
