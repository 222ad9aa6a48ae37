//! Text and summary of SQL, by one pass over it.
//!
//! [`Statement::read`] looks at each byte once, without a grammar: what it does not understand stays in the text, and adds
//! nothing to the summary. It never panics, uses no recursion, and looks at 32 KiB at most. [`StatementCache`] keeps what
//! was read of statements that come again.
//!
//! # The sanitized text
//!
//! "Sanitization SHOULD replace all literals with a placeholder value" (conventions, ["Sanitization of `db.query.text`"]).
//!
//! | what | PostgreSQL | MySQL | SQLite | other |
//! |---|---|---|---|---|
//! | `'…'`, with `''` in it | `?` | `?` | `?` | `?` |
//! | a backslash in it | a character; in `E'…'` it escapes | escapes | a character | before a quote: the rest of the text is one `?` |
//! | `X'…'`, `B'…'`, `N'…'`, `U&'…'`, `_utf8'…'` | `?`, with the prefix | `?` | `?` | `?` |
//! | `$$…$$`, `$tag$…$tag$` | `?` | kept | kept | `?` |
//! | `"…"` | a name, kept | `?` | a name; `?` after an operator, in lists of values, and with what is in no name | `?` unless it is a table or has a point beside it |
//! | `` `…` `` | – | a name | a name | a name |
//! | `[…]` | an index | – | a name | a name or an index |
//! | `1`, `-1`, `1.5e-3`, `.5`, `0xff`, `1_000` | `?` | `?` | `?` | `?` |
//! | `TRUE`, `FALSE` | `?` | `?` | `?` | `?` |
//! | `DATE '…'`, `INTERVAL '…'` | the word and `?` | … | … | … |
//! | `NULL` | kept | kept | kept | kept |
//! | placeholders | `$1` | `?` | `?` `?1` `:a` `@a` `$a` | each of them |
//! | `@a`, `@@a` | an operator | a variable, kept | a placeholder | kept |
//! | `IN (1, 2, 3)` | `IN (?)` | `IN (?)` | `IN (?)` | `IN (?)` |
//! | `-- …` | left out | left out, with white space behind the dashes | left out | left out |
//! | `# …` | an operator | left out | – | – |
//! | `/* … */`, hints too | left out, may nest | left out | left out | left out, may nest |
//! | `/*! … */` | left out | read: it is executed | left out | left out |
//! | what is never closed | `?` until the end | … | … | … |
//!
//! A sign belongs to the number behind it, unless a name, a placeholder or a parenthesis stands directly before it. A comment
//! between two words leaves a space. Which lists collapse: those of literals alone, behind `IN`.
//!
//! MySQL under `ANSI_QUOTES` loses names; under `NO_BACKSLASH_ESCAPES` a string that ends with a backslash is taken to go on.
//! PostgreSQL with `standard_conforming_strings` off, which it is not by default since 9.1, ends such strings too early: read
//! its statements as those of [`Dialect::Other`].
//!
//! # The text as written
//!
//! "Parameterized query text SHOULD NOT be sanitized": literals and comments of a statement with bound arguments are kept. Not
//! so, in any dialect, what is a secret:
//!
//! - in a statement that is not on rows, each string after a word that ends with `PASSWORD`, `PASSWD`, `PWD`, `SECRET`, `TOKEN`,
//!   `CREDENTIALS` or `ACCESS_KEY`, and after `IDENTIFIED`, with what stands behind `IDENTIFIED BY` without quotes;
//! - in `SELECT`, `INSERT`, `UPDATE` and the like the string that directly follows such a word or name, not those of a row:
//!   `INSERT INTO a (password) VALUES ('…')`, which has no bound arguments, has no literals either;
//! - the key of `PRAGMA key` and `ATTACH … KEY`;
//! - a string or comment with a password, passphrase or secret in it, or a URL with user information: connection strings, and
//!   statements on accounts that are executed by another.
//!
//! # The summary
//!
//! "`{operation1} {target1} {operation2} {target2} {target3} ...`", as they were written (conventions, ["Generating a summary of
//! the query"]).
//!
//! | statement | summary |
//! |---|---|
//! | `SELECT … FROM a JOIN s.b ON …, "c"` | `SELECT a s.b "c"` |
//! | `INSERT INTO a … SELECT … FROM b` | `INSERT a SELECT b` |
//! | `UPDATE a SET … FROM b`, `DELETE FROM a USING b`, `MERGE INTO a USING b` | `UPDATE a b`, `DELETE a b`, `MERGE a b` |
//! | `SELECT … FROM (SELECT … FROM a)` | `SELECT SELECT a` |
//! | `WITH x AS (SELECT … FROM a) SELECT … FROM x` | `SELECT a SELECT`: neither `WITH` nor `x` |
//! | `SELECT … FROM f(…)`, `EXTRACT(YEAR FROM a)`, `IS DISTINCT FROM a` | no target |
//! | `CREATE TABLE a`, `DROP INDEX a`, `ALTER VIEW a` and the like | `CREATE TABLE a`, with the kind |
//! | `CREATE USER a`, `ALTER ROLE a` and the like | `CREATE USER`: people are no targets |
//! | `CALL a(…)`, `EXECUTE a` | `CALL a`, `EXECUTE a` |
//! | `EXPLAIN SELECT … FROM a` | `EXPLAIN SELECT a` |
//! | `BEGIN`, `SET`, `SHOW`, `PRAGMA` and other commands | the command |
//! | `SELECT … FROM a; DELETE FROM b` | `SELECT a DELETE b` |
//! | what begins with no command | none |
//!
//! It has 255 characters at most and ends before the name that does not fit. Parentheses count to a depth of 64, and 16 common
//! table expressions are told from tables.
//!
//! ["Sanitization of `db.query.text`"]: https://opentelemetry.io/docs/specs/semconv/db/database-spans/#sanitization-of-dbquerytext
//! ["Generating a summary of the query"]: https://opentelemetry.io/docs/specs/semconv/db/database-spans/#generating-a-summary-of-the-query

mod cache;
mod edits;
mod lexer;
mod literal;
mod secrets;
mod shortened;
mod statement;
mod summary;
mod words;

pub use cache::{CachedStatement, StatementCache};
pub use statement::{Dialect, Statement};
