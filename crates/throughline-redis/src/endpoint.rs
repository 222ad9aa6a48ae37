//! Where a connection leads to.

use std::net::IpAddr;

use redis::{ConnectionAddr, ConnectionInfo};
use throughline_core::db_semconv::DatabaseEndpoint;

const SYSTEM: &str = "redis";

/// The server of a connection. Neither the user nor the password is in it.
pub(crate) fn of(info: &ConnectionInfo) -> DatabaseEndpoint {
    let database = info.redis_settings().db().to_string();
    let endpoint = DatabaseEndpoint::new(SYSTEM).namespace(&database);
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            let host = host.trim_matches(['[', ']']);
            let endpoint = endpoint.server(host, Some(*port));
            // Which address a name leads to nobody tells.
            match host.parse::<IpAddr>() {
                Ok(_) => endpoint.peer(host, Some(*port)),
                Err(_) => endpoint,
            }
        }
        ConnectionAddr::Unix(path) => {
            let path = path.to_string_lossy();
            endpoint.server(&path, None).peer(&path, None)
        }
        _ => endpoint,
    }
}

/// A cluster, whose nodes a connection chooses among, and which has one database.
pub(crate) fn of_cluster() -> DatabaseEndpoint {
    DatabaseEndpoint::new(SYSTEM).namespace("0")
}
