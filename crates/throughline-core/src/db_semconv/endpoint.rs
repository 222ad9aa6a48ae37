//! Which database it is that is asked.

use std::sync::{Arc, OnceLock};

use opentelemetry::{Key, KeyValue, StringValue};

const SYSTEM: Key = Key::from_static_str("db.system.name");
const NAMESPACE: Key = Key::from_static_str("db.namespace");
const ADDRESS: Key = Key::from_static_str("server.address");
const PORT: Key = Key::from_static_str("server.port");
const PEER_ADDRESS: Key = Key::from_static_str("network.peer.address");
const PEER_PORT: Key = Key::from_static_str("network.peer.port");

/// A database as its clients know it: what all the operations of a pool or connection have in common.
///
/// What is not known, or empty, is not recorded.
///
/// ```
/// use throughline_core::db_semconv::DatabaseEndpoint;
///
/// let orders = DatabaseEndpoint::new("postgresql")
///     .namespace("orders")
///     .server("db.internal", Some(5433));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseEndpoint {
    system: &'static str,
    namespace: Option<StringValue>,
    /// The namespace, where that says more than which database it is.
    database: Option<StringValue>,
    user: Option<StringValue>,
    address: Option<StringValue>,
    port: Option<u16>,
    /// Found out when a span is first named after it. None where it is the address.
    server_name: OnceLock<Option<String>>,
    peer: Option<(StringValue, Option<u16>)>,
}

impl DatabaseEndpoint {
    /// A database of `system`: a value of
    /// [`db.system.name`](https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/#db-system-name).
    #[must_use]
    pub fn new(system: &'static str) -> Self {
        Self {
            system,
            namespace: None,
            database: None,
            user: None,
            address: None,
            port: None,
            server_name: OnceLock::new(),
            peer: None,
        }
    }

    /// Sets `db.namespace`: the database, as the system's own conventions write it. Default: not recorded.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = shared(namespace);
        self.database = None;
        self
    }

    /// Adds the schema to the [namespace](Self::namespace): `{database}|{schema}`, or the schema alone where that is not known
    /// (conventions, PostgreSQL). Default: none.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> Self {
        if schema.is_empty() {
            return self;
        }
        self.database = self.namespace.take();
        self.namespace = match &self.database {
            Some(database) => shared(&format!("{database}|{schema}")),
            None => shared(schema),
        };
        self
    }

    /// Says who asks. It is recorded as `db.user`, with the [old names](super::DatabaseSettings::old_names) alone.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = shared(user);
        self
    }

    /// Sets `server.address`, a host or the path of a socket, and `server.port`, which is recorded where it is not the
    /// system's default. Default: neither is recorded.
    #[must_use]
    pub fn server(mut self, address: &str, port: Option<u16>) -> Self {
        self.address = shared(address);
        // The path of a socket has no port.
        self.port = port.filter(|_| !address.is_empty() && !address.starts_with('/'));
        self
    }

    /// Sets `network.peer.address` and `network.peer.port`, where all operations go to one address that is known: an IP address or
    /// the path of a socket. Default: neither is recorded.
    #[must_use]
    pub fn peer(mut self, address: &str, port: Option<u16>) -> Self {
        self.peer = shared(address).map(|address| (address, port));
        self
    }

    /// Says that it is another system than its client takes it for: MariaDB behind a client of MySQL.
    #[must_use]
    pub fn of_system(mut self, system: &'static str) -> Self {
        self.system = system;
        self.server_name = OnceLock::new();
        self
    }

    /// The `db.system.name`.
    #[must_use]
    pub fn system(&self) -> &'static str {
        self.system
    }

    /// The name of a pool that has none: "combining attributes `server.address`, `server.port`, and `db.namespace`, formatted
    /// as `server.address:server.port/db.namespace`" (conventions, `db.client.connection.pool.name`), as far as they are known.
    #[must_use]
    pub fn pool_name(&self) -> String {
        let server = self.server_name();
        match (server, &self.namespace) {
            (Some(server), Some(namespace)) => format!("{server}/{namespace}"),
            (Some(server), None) => server.to_owned(),
            (None, Some(namespace)) => namespace.as_str().to_owned(),
            (None, None) => self.system.to_owned(),
        }
    }

    /// What a span is named after where it has neither a collection nor a stored procedure: the database, else its server.
    pub(super) fn target(&self) -> Option<&str> {
        // "`db.namespace` SHOULD NOT be used in the span name since it is a numeric value" (conventions, Redis).
        let namespace = self.namespace.as_ref().filter(|_| self.system != "redis");
        match namespace {
            Some(namespace) => Some(namespace.as_str()),
            None => self.server_name(),
        }
    }

    /// `server.address:server.port`.
    fn server_name(&self) -> Option<&str> {
        let address = self.address.as_ref()?.as_str();
        let default = || default_port(self.system).filter(|_| !address.starts_with('/'));
        let port = self.port.or_else(default);
        let name = || port.map(|port| format!("{address}:{port}"));
        Some(
            self.server_name
                .get_or_init(name)
                .as_deref()
                .unwrap_or(address),
        )
    }

    pub(super) fn push_attributes(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(SYSTEM, self.system));
        push_text(attributes, NAMESPACE, self.namespace.as_ref());
        self.push_server_attributes(attributes);
    }

    /// Adds `server.address`, `server.port` and `network.peer.*`, as far as they are recorded.
    pub fn push_server_attributes(&self, attributes: &mut Vec<KeyValue>) {
        push_text(attributes, ADDRESS, self.address.as_ref());
        if let Some(port) = (self.port).filter(|&port| Some(port) != default_port(self.system)) {
            attributes.push(KeyValue::new(PORT, i64::from(port)));
        }
        if let Some((address, port)) = &self.peer {
            attributes.push(KeyValue::new(PEER_ADDRESS, address.clone()));
            attributes.extend(port.map(|port| KeyValue::new(PEER_PORT, i64::from(port))));
        }
    }

    /// What the conventions 1.24 called these.
    pub(super) fn old_attributes(&self) -> Vec<KeyValue> {
        let mut old = vec![KeyValue::new("db.system", self.system)];
        let name = self.database.as_ref().or(self.namespace.as_ref());
        old.extend(name.map(|name| match name.as_str().parse::<i64>() {
            Ok(index) if self.system == "redis" => KeyValue::new("db.redis.database_index", index),
            _ => KeyValue::new("db.name", name.clone()),
        }));
        let user = self.user.clone();
        old.extend(user.map(|user| KeyValue::new("db.user", user)));
        old
    }
}

fn push_text(attributes: &mut Vec<KeyValue>, key: Key, value: Option<&StringValue>) {
    attributes.extend(value.map(|value| KeyValue::new(key, value.clone())));
}

/// One text for all the spans and measurements that have it.
fn shared(text: &str) -> Option<StringValue> {
    (!text.is_empty()).then(|| Arc::<str>::from(text).into())
}

/// The port that is not worth recording.
fn default_port(system: &str) -> Option<u16> {
    match system {
        "postgresql" => Some(5432),
        "mysql" | "mariadb" => Some(3306),
        "redis" => Some(6379),
        _ => None,
    }
}
