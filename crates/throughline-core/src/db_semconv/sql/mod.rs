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
//! | a backslash in it | a character; in `E'…'`, and where one goes on in the next line, it escapes | escapes | a character | before a quote: the rest of the text is one `?` |
//! | `X'…'`, `B'…'`, `N'…'`, `U&'…'`, `_utf8'…'` | `?`, with the prefix | `?` | `?` | `?` |
//! | `$$…$$`, `$tag$…$tag$` | `?` | kept | kept | `?` |
//! | `"…"` | a name, kept | `?` | a name; `?` after an operator, in lists of values, as an argument, and with what is in no name | `?` unless it is a table or has a point beside it |
//! | `` `…` `` | – | a name | a name | a name |
//! | `[…]` | an index | – | a name | a name or an index |
//! | `1`, `-1`, `1.5e-3`, `.5`, `0xff`, `1_000` | `?` | `?` | `?` | `?` |
//! | `TRUE`, `FALSE` | `?` | `?` | `?` | `?` |
//! | `DATE '…'`, `INTERVAL '…'` | the word and `?` | … | … | … |
//! | `NULL` | kept | kept | kept | kept |
//! | placeholders | `$1` | `?` | `?` `?1` `:a` `@a` `$a`; Tcl's `$a(b)` is `?` | each of them |
//! | `@a`, `@@a` | an operator | a variable, kept | a placeholder | kept |
//! | `IN (1, 2, 3)` | `IN (?)` | `IN (?)` | `IN (?)` | `IN (?)` |
//! | `-- …` | left out | left out, with white space behind the dashes | left out | left out |
//! | `# …`, `--…` with no space | an operator; a comment | a comment; two signs | –; a comment | with a quote in it: the rest of the text is one `?` |
//! | `/* … */`, hints too | left out, may nest | left out | left out | left out, may nest |
//! | `/*! … */` | left out | read: it may be executed | left out | left out |
//! | `COPY … FROM STDIN;` and data | the data are one `?` | … | … | … |
//! | what is never closed | `?` until the end | … | … | … |
//!
//! A sign belongs to the number behind it, unless a name, a placeholder or a parenthesis stands directly before it. A comment
//! between two words leaves a space. Which lists collapse: those of literals alone, behind `IN`.
//!
//! ## Why so
//!
//! - *What is doubtful is a literal.* Where two readings differ, as in an unknown dialect, or in MySQL's `/*!99999 it's */`,
//!   which an older server leaves out and a newer one executes, the rest of the text is one `?`: text that is missing is better
//!   than half a string.
//! - *Comments are left out*, although they are no literals: code that was commented out has literals, and the conventions put
//!   a trace's ids into comments, which would make each text another. What is in the text as written was written to be seen.
//! - *SQLite's double quotes* are names in the standard and in what query builders write, and strings where there is no such
//!   column, which a reader of text cannot know. They are kept where hardly anybody writes a string: as a column of a list, on
//!   the left of a comparison, in a definition. `SELECT "a"` and `WHERE "a" = b` keep an `a` that is a string after all.
//! - *`Other`* is for a database that nobody knows here: it takes for a literal what is one in any of the others, and loses names
//!   in double quotes for it. A known database deserves its own dialect, whose text keeps more.
//!
//! MySQL under `ANSI_QUOTES` loses names. Under `NO_BACKSLASH_ESCAPES` it ends strings earlier than they are taken to end here,
//! and PostgreSQL with `standard_conforming_strings` off, which it is not by default since 9.1, later: read the statements of
//! both as those of [`Dialect::Other`].
//!
//! # The text as written
//!
//! "Parameterized query text SHOULD NOT be sanitized": literals and comments of a statement with bound arguments are kept. Not
//! so, in any dialect, what is a secret:
//!
//! - in a statement that is not on rows, each string and number after a word that ends with `PASSWORD`, `PASSWD`, `PWD`,
//!   `PASSPHRASE`, `SECRET`, `TOKEN`, `CREDENTIALS`, `_KEY` or `APIKEY`, and after `IDENTIFIED`, with what stands behind
//!   `IDENTIFIED BY`, or behind the `PASSWORD` of an account, without quotes;
//! - in `SELECT`, `INSERT`, `UPDATE` and the like the literals that directly follow such a word, name or string, not those of a
//!   row: `INSERT INTO a (password) VALUES ('…')`, which has no bound arguments, has no literals either;
//! - each literal after a function that ends with `CRYPT`;
//! - the key of `PRAGMA key` and `ATTACH … KEY`;
//! - a string or comment with a password, passphrase or secret in it, `key=`, `token=`, or a URL with user information:
//!   connection strings, and statements on accounts that are executed by another.
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
//! | `CALL a(…)`, `EXECUTE a`, `COPY a …`, `USE a` | `CALL a`, `EXECUTE a`, `COPY a`, `USE a` |
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

mod bytes;
mod cache;
mod comments;
mod edits;
mod keywords;
mod lexer;
mod literal;
mod placeholders;
mod secrets;
mod shortened;
mod statement;
mod summary;
mod words;

pub use cache::{CachedStatement, StatementCache};
pub use statement::{Dialect, Statement};
