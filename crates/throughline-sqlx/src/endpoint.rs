//! Which database the options of a connection lead to.

#[cfg(feature = "any")]
use sqlx::ConnectOptions;
use throughline_core::db_semconv::DatabaseEndpoint;
use throughline_core::db_semconv::sql::Dialect;

/// The SQL that a driver speaks.
pub(crate) fn dialect(endpoint: &DatabaseEndpoint) -> Dialect {
    match endpoint.system() {
        "postgresql" => Dialect::PostgreSql,
        "mysql" | "mariadb" => Dialect::MySql,
        "sqlite" => Dialect::Sqlite,
        _ => Dialect::Other,
    }
}

#[cfg(feature = "postgres")]
pub(crate) fn postgres(options: &sqlx::postgres::PgConnectOptions) -> DatabaseEndpoint {
    let (user, port) = (options.get_username(), options.get_port());
    // Without a name the database is that of the user (libpq, "dbname").
    let database = options.get_database().unwrap_or(user);
    let schema = options.get_options().and_then(search_path::first);
    let endpoint = DatabaseEndpoint::new("postgresql")
        .namespace(database)
        .schema(&schema.unwrap_or_default())
        .user(user);
    let socket = |folder: &str| format!("{folder}/.s.PGSQL.{port}");
    match (options.get_socket(), options.get_host()) {
        (Some(folder), _) => endpoint.server(&socket(&folder.to_string_lossy()), None),
        (None, folder) if folder.starts_with('/') => endpoint.server(&socket(folder), None),
        (None, host) => endpoint.server(host, Some(port)),
    }
}

#[cfg(feature = "mysql")]
pub(crate) fn mysql(options: &sqlx::mysql::MySqlConnectOptions) -> DatabaseEndpoint {
    let endpoint = DatabaseEndpoint::new("mysql")
        .namespace(options.get_database().unwrap_or_default())
        .user(options.get_username());
    match options.get_socket() {
        Some(socket) => endpoint.server(&socket.to_string_lossy(), None),
        None => endpoint.server(options.get_host(), Some(options.get_port())),
    }
}

/// The database is its file. sqlx gives each one in memory a name of its own, which says nothing.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite(options: &sqlx::sqlite::SqliteConnectOptions) -> DatabaseEndpoint {
    const IN_MEMORY: &str = ":memory:";
    let file = options.get_filename().to_string_lossy();
    let is_in_memory = file.starts_with("file:sqlx-in-memory-") || file == IN_MEMORY;
    let name = if is_in_memory { IN_MEMORY } else { &file };
    DatabaseEndpoint::new("sqlite").namespace(name)
}

/// What the driver makes of the URL where it is one of ours, else what the URL says.
#[cfg(feature = "any")]
pub(crate) fn any(options: &sqlx::any::AnyConnectOptions) -> DatabaseEndpoint {
    let url = &options.database_url;
    let system = match url.scheme() {
        "postgres" | "postgresql" => "postgresql",
        "mysql" => "mysql",
        "mariadb" => "mariadb",
        "sqlite" => "sqlite",
        _ => "other_sql",
    };
    let known: Option<DatabaseEndpoint> = match system {
        #[cfg(feature = "postgres")]
        "postgresql" => (ConnectOptions::from_url(url).ok()).map(|options| postgres(&options)),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => (ConnectOptions::from_url(url).ok()).map(|options| mysql(&options)),
        #[cfg(feature = "sqlite")]
        "sqlite" => (ConnectOptions::from_url(url).ok()).map(|options| sqlite(&options)),
        _ => None,
    };
    if let Some(known) = known {
        return known.of_system(system);
    }
    let endpoint = DatabaseEndpoint::new(system).namespace(url.path().trim_start_matches('/'));
    match url.host_str() {
        Some(host) => endpoint.server(host, url.port()),
        None => endpoint,
    }
}

/// The schemas that a connection to PostgreSQL looks into, as its startup options say it.
#[cfg(feature = "postgres")]
mod search_path {
    /// The first schema of `search_path` in `options`, which stand as on a command line: `-c search_path=shop,public`. None
    /// where that depends on what exists, as it does with `"$user"` and with the server's default.
    pub(super) fn first(options: &str) -> Option<String> {
        let mut path = None;
        let mut is_next = false;
        for argument in arguments(options) {
            let setting = match &*argument {
                setting if is_next => Some(setting),
                "-c" => None,
                other => other.strip_prefix("--").or(other.strip_prefix("-c")),
            };
            is_next = setting.is_none() && argument == "-c";
            if let Some((name, value)) = setting.and_then(|setting| setting.split_once('='))
                && name.replace('-', "_").eq_ignore_ascii_case("search_path")
            {
                // The last one counts.
                path = Some(value.to_owned());
            }
        }
        path.and_then(|path| name(&path))
    }

    /// Separated by white space, unless a backslash stands before it.
    fn arguments(options: &str) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut argument = String::new();
        let mut chars = options.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => argument.extend(chars.next()),
                c if c.is_whitespace() => arguments.push(std::mem::take(&mut argument)),
                c => argument.push(c),
            }
        }
        arguments.push(argument);
        arguments.retain(|argument| !argument.is_empty());
        arguments
    }

    /// The first name of a list.
    fn name(path: &str) -> Option<String> {
        let path = path.trim_start();
        let name = match path.strip_prefix('"') {
            // A quote in a name is doubled.
            Some(quoted) => {
                let mut parts = quoted.split('"');
                let mut name = parts.next()?.to_owned();
                while parts.next() == Some("") {
                    let Some(more) = parts.next() else { break };
                    name = format!("{name}\"{more}");
                }
                name
            }
            None => path.split(',').next()?.trim_end().to_owned(),
        };
        Some(name).filter(|name| !name.is_empty() && name != "$user")
    }

    #[cfg(test)]
    mod tests {
        use super::first;

        #[test]
        fn the_first_schema_is_that_of_the_last_search_path() {
            for (options, expected) in [
                ("", None),
                ("-c geqo=off", None),
                ("-c search_path=shop", Some("shop")),
                ("-c search_path=Shop,public", Some("Shop")),
                (r"-c search_path=shop,\ public -c geqo=off", Some("shop")),
                ("-csearch_path=shop", Some("shop")),
                ("--search_path=shop", Some("shop")),
                ("--search-path=shop", Some("shop")),
                ("-c SEARCH_PATH=shop", Some("shop")),
                ("-c search_path=a -c search_path=b", Some("b")),
                (r#"-c search_path="a,\ b",c"#, Some("a, b")),
                (r#"-c search_path="a""b",c"#, Some("a\"b")),
                (r#"-c search_path="a"#, Some("a")),
                (r#"-c search_path="$user",public"#, None),
                ("-c search_path=$user,public", None),
                ("-c search_path=", None),
                ("-c search_path", None),
                ("-c", None),
                ("-c -c search_path=shop", None),
                ("search_path=shop", None),
            ] {
                assert_eq!(first(options).as_deref(), expected, "{options}");
            }
        }
    }
}
