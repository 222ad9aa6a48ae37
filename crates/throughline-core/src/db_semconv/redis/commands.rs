//! What is kept of which command.

use Keep::{All, BeforeSecrets, First, Names, Script, Unless};

/// Which of a command's arguments are neither values nor secrets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// Each.
    All,
    /// So many.
    First(u8),
    /// So many, and then each other one: names, with a value behind each.
    Names { behind: u8 },
    /// So many, unless a user's name or password comes before.
    BeforeSecrets(u8),
    /// All, but for what comes after these subcommands.
    Unless(&'static [&'static str]),
    /// The name of a script, the number of keys, and the keys.
    Script,
}

/// The command of this name, whatever its case.
pub(super) fn find(command: &[u8]) -> Option<(&'static str, Keep)> {
    let upper = |byte: &u8| byte.to_ascii_uppercase();
    let found = COMMANDS.binary_search_by(|(name, _)| {
        let command = command.iter().map(upper);
        name.bytes().cmp(command)
    });
    Some(COMMANDS[found.ok()?])
}

/// In the order of their bytes.
#[rustfmt::skip]
const COMMANDS: &[(&str, Keep)] = &[
    ("ACL", First(1)), ("APPEND", First(1)), ("ASKING", All), ("AUTH", First(0)), ("BGREWRITEAOF", All),
    ("BGSAVE", All), ("BITCOUNT", All), ("BITFIELD", All), ("BITFIELD_RO", All), ("BITOP", All),
    ("BITPOS", All), ("BLMOVE", All), ("BLMPOP", All), ("BLPOP", All), ("BRPOP", All), ("BRPOPLPUSH", All),
    ("BZMPOP", All), ("BZPOPMAX", All), ("BZPOPMIN", All), ("CLIENT", All), ("CLUSTER", All),
    ("COMMAND", Unless(&["GETKEYS", "GETKEYSANDFLAGS"])), ("CONFIG", Names { behind: 1 }), ("COPY", All),
    ("DBSIZE", All), ("DEBUG", All), ("DECR", All), ("DECRBY", All), ("DEL", All), ("DISCARD", All),
    ("DUMP", All), ("ECHO", All), ("EVAL", Script), ("EVALSHA", Script), ("EVALSHA_RO", Script),
    ("EVAL_RO", Script), ("EXEC", All), ("EXISTS", All), ("EXPIRE", All), ("EXPIREAT", All),
    ("EXPIRETIME", All), ("FCALL", Script), ("FCALL_RO", Script), ("FLUSHALL", All), ("FLUSHDB", All),
    ("FUNCTION", First(1)), ("GEOADD", All), ("GEODIST", All), ("GEOHASH", All), ("GEOPOS", All),
    ("GEORADIUS", All), ("GEORADIUSBYMEMBER", All), ("GEORADIUSBYMEMBER_RO", All), ("GEORADIUS_RO", All),
    ("GEOSEARCH", All), ("GEOSEARCHSTORE", All), ("GET", All), ("GETBIT", All), ("GETDEL", All),
    ("GETEX", All), ("GETRANGE", All), ("GETSET", First(1)), ("HDEL", All), ("HELLO", BeforeSecrets(2)),
    ("HEXISTS", All), ("HEXPIRE", All), ("HEXPIREAT", All), ("HEXPIRETIME", All), ("HGET", All),
    ("HGETALL", All), ("HINCRBY", All), ("HINCRBYFLOAT", All), ("HKEYS", All), ("HLEN", All), ("HMGET", All),
    ("HMSET", Names { behind: 1 }), ("HPERSIST", All), ("HPEXPIRE", All), ("HPEXPIREAT", All),
    ("HPEXPIRETIME", All), ("HPTTL", All), ("HRANDFIELD", All), ("HSCAN", All), ("HSET", Names { behind: 1 }),
    ("HSETNX", First(2)), ("HSTRLEN", All), ("HTTL", All), ("HVALS", All), ("INCR", All), ("INCRBY", All),
    ("INCRBYFLOAT", All), ("INFO", All), ("KEYS", All), ("LASTSAVE", All), ("LATENCY", All), ("LINDEX", All),
    ("LINSERT", First(2)), ("LLEN", All), ("LMOVE", All), ("LMPOP", All), ("LOLWUT", All), ("LPOP", All),
    ("LPOS", First(1)), ("LPUSH", First(1)), ("LPUSHX", First(1)), ("LRANGE", All), ("LREM", First(1)),
    ("LSET", First(1)), ("LTRIM", All), ("MEMORY", All), ("MGET", All), ("MIGRATE", BeforeSecrets(6)),
    ("MODULE", Unless(&["LOAD", "LOADEX"])), ("MONITOR", All), ("MOVE", All), ("MSET", Names { behind: 0 }),
    ("MSETNX", Names { behind: 0 }), ("MULTI", All), ("OBJECT", All), ("PERSIST", All), ("PEXPIRE", All),
    ("PEXPIREAT", All), ("PEXPIRETIME", All), ("PFADD", First(1)), ("PFCOUNT", All), ("PFMERGE", All),
    ("PING", All), ("PSETEX", First(2)), ("PSUBSCRIBE", All), ("PSYNC", All), ("PTTL", All),
    ("PUBLISH", First(1)), ("PUBSUB", All), ("PUNSUBSCRIBE", All), ("QUIT", All), ("RANDOMKEY", All),
    ("READONLY", All), ("READWRITE", All), ("RENAME", All), ("RENAMENX", All), ("REPLICAOF", All),
    ("RESET", All), ("RESTORE", First(2)), ("RESTORE-ASKING", First(2)), ("ROLE", All), ("RPOP", All),
    ("RPOPLPUSH", All), ("RPUSH", First(1)), ("RPUSHX", First(1)), ("SADD", First(1)), ("SAVE", All),
    ("SCAN", All), ("SCARD", All), ("SCRIPT", First(1)), ("SDIFF", All), ("SDIFFSTORE", All), ("SELECT", All),
    ("SENTINEL", First(1)), ("SET", First(1)), ("SETBIT", All), ("SETEX", First(2)), ("SETNX", First(1)),
    ("SETRANGE", First(1)), ("SHUTDOWN", All), ("SINTER", All), ("SINTERCARD", All), ("SINTERSTORE", All),
    ("SISMEMBER", First(1)), ("SLAVEOF", All), ("SLOWLOG", All), ("SMEMBERS", All), ("SMISMEMBER", First(1)),
    ("SMOVE", First(2)), ("SORT", All), ("SORT_RO", All), ("SPOP", All), ("SPUBLISH", First(1)),
    ("SRANDMEMBER", All), ("SREM", First(1)), ("SSCAN", All), ("SSUBSCRIBE", All), ("STRALGO", All),
    ("STRLEN", All), ("SUBSCRIBE", All), ("SUNION", All), ("SUNIONSTORE", All), ("SUNSUBSCRIBE", All),
    ("SWAPDB", All), ("SYNC", All), ("TIME", All), ("TOUCH", All), ("TTL", All), ("TYPE", All),
    ("UNLINK", All), ("UNSUBSCRIBE", All), ("UNWATCH", All), ("WAIT", All), ("WAITAOF", All), ("WATCH", All),
    ("XACK", All), ("XADD", Names { behind: 2 }), ("XAUTOCLAIM", All), ("XCLAIM", All), ("XDEL", All),
    ("XGROUP", All), ("XINFO", All), ("XLEN", All), ("XPENDING", All), ("XRANGE", All), ("XREAD", All),
    ("XREADGROUP", All), ("XREVRANGE", All), ("XSETID", All), ("XTRIM", All), ("ZADD", First(1)),
    ("ZCARD", All), ("ZCOUNT", First(1)), ("ZDIFF", All), ("ZDIFFSTORE", All), ("ZINCRBY", First(1)),
    ("ZINTER", All), ("ZINTERCARD", All), ("ZINTERSTORE", All), ("ZLEXCOUNT", First(1)), ("ZMPOP", All),
    ("ZMSCORE", First(1)), ("ZPOPMAX", All), ("ZPOPMIN", All), ("ZRANDMEMBER", All), ("ZRANGE", All),
    ("ZRANGEBYLEX", First(1)), ("ZRANGEBYSCORE", First(1)), ("ZRANGESTORE", First(2)), ("ZRANK", First(1)),
    ("ZREM", First(1)), ("ZREMRANGEBYLEX", First(1)), ("ZREMRANGEBYRANK", All),
    ("ZREMRANGEBYSCORE", First(1)), ("ZREVRANGE", All), ("ZREVRANGEBYLEX", First(1)),
    ("ZREVRANGEBYSCORE", First(1)), ("ZREVRANK", First(1)), ("ZSCAN", All), ("ZSCORE", First(1)),
    ("ZUNION", All), ("ZUNIONSTORE", All),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_found_in_any_case() {
        for (name, _) in COMMANDS {
            let [upper, lower] = [find(name.as_bytes()), find(name.to_lowercase().as_bytes())];
            assert_eq!(upper.unwrap().0, *name);
            assert_eq!(lower.unwrap().0, *name);
        }
        assert!(find(b"").is_none() && find(b"GE").is_none() && find(b"GETT").is_none());
    }
}
