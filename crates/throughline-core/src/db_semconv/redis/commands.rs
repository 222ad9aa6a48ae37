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
    let mut upper = [0; LONGEST];
    let upper = upper.get_mut(..command.len())?;
    upper.copy_from_slice(command);
    upper.make_ascii_uppercase();
    let found = COMMANDS.binary_search_by(|(name, _)| {
        let length = name.len().cmp(&upper.len());
        length.then_with(|| name.as_bytes().cmp(upper))
    });
    Some(COMMANDS[found.ok()?])
}

const LONGEST: usize = 20;

/// The short ones first, those of a length in the order of their bytes.
#[rustfmt::skip]
const COMMANDS: &[(&str, Keep)] = &[
    ("ACL", First(1)), ("DEL", All), ("GET", All), ("SET", First(1)), ("TTL", All), ("AUTH", First(0)),
    ("COPY", All), ("DECR", All), ("DUMP", All), ("ECHO", All), ("EVAL", Script), ("EXEC", All),
    ("HDEL", All), ("HGET", All), ("HLEN", All), ("HSET", Names { behind: 1 }), ("HTTL", All), ("INCR", All),
    ("INFO", All), ("KEYS", All), ("LLEN", All), ("LPOP", All), ("LPOS", First(1)), ("LREM", First(1)),
    ("LSET", First(1)), ("MGET", All), ("MOVE", All), ("MSET", Names { behind: 0 }), ("PING", All),
    ("PTTL", All), ("QUIT", All), ("ROLE", All), ("RPOP", All), ("SADD", First(1)), ("SAVE", All),
    ("SCAN", All), ("SORT", All), ("SPOP", All), ("SREM", First(1)), ("SYNC", All), ("TIME", All),
    ("TYPE", All), ("WAIT", All), ("XACK", All), ("XADD", Names { behind: 2 }), ("XDEL", All), ("XLEN", All),
    ("ZADD", First(1)), ("ZREM", First(1)), ("BITOP", All), ("BLPOP", All), ("BRPOP", All), ("DEBUG", All),
    ("FCALL", Script), ("GETEX", All), ("HELLO", BeforeSecrets(2)), ("HKEYS", All), ("HMGET", All),
    ("HMSET", Names { behind: 1 }), ("HPTTL", All), ("HSCAN", All), ("HVALS", All), ("LMOVE", All),
    ("LMPOP", All), ("LPUSH", First(1)), ("LTRIM", All), ("MULTI", All), ("PFADD", First(1)), ("PSYNC", All),
    ("RESET", All), ("RPUSH", First(1)), ("SCARD", All), ("SDIFF", All), ("SETEX", First(2)),
    ("SETNX", First(1)), ("SMOVE", First(2)), ("SSCAN", All), ("TOUCH", All), ("WATCH", All), ("XINFO", All),
    ("XREAD", All), ("XTRIM", All), ("ZCARD", All), ("ZDIFF", All), ("ZMPOP", All), ("ZRANK", First(1)),
    ("ZSCAN", All), ("APPEND", First(1)), ("ASKING", All), ("BGSAVE", All), ("BITPOS", All), ("BLMOVE", All),
    ("BLMPOP", All), ("BZMPOP", All), ("CLIENT", All), ("CONFIG", Names { behind: 1 }), ("DBSIZE", All),
    ("DECRBY", All), ("EXISTS", All), ("EXPIRE", All), ("GEOADD", All), ("GEOPOS", All), ("GETBIT", All),
    ("GETDEL", All), ("GETSET", First(1)), ("HSETNX", First(2)), ("INCRBY", All), ("LINDEX", All),
    ("LOLWUT", All), ("LPUSHX", First(1)), ("LRANGE", All), ("MEMORY", All),
    ("MODULE", Unless(&["LOAD", "LOADEX"])), ("MSETNX", Names { behind: 0 }), ("OBJECT", All),
    ("PSETEX", First(2)), ("PUBSUB", All), ("RENAME", All), ("RPUSHX", First(1)), ("SCRIPT", First(1)),
    ("SELECT", All), ("SETBIT", All), ("SINTER", All), ("STRLEN", All), ("SUNION", All), ("SWAPDB", All),
    ("UNLINK", All), ("XCLAIM", All), ("XGROUP", All), ("XRANGE", All), ("XSETID", All), ("ZCOUNT", First(1)),
    ("ZINTER", All), ("ZRANGE", All), ("ZSCORE", First(1)), ("ZUNION", All), ("CLUSTER", All),
    ("COMMAND", Unless(&["GETKEYS", "GETKEYSANDFLAGS"])), ("DISCARD", All), ("EVALSHA", Script),
    ("EVAL_RO", Script), ("FLUSHDB", All), ("GEODIST", All), ("GEOHASH", All), ("HEXISTS", All),
    ("HEXPIRE", All), ("HGETALL", All), ("HINCRBY", All), ("HSTRLEN", All), ("LATENCY", All),
    ("LINSERT", First(2)), ("MIGRATE", BeforeSecrets(6)), ("MONITOR", All), ("PERSIST", All),
    ("PEXPIRE", All), ("PFCOUNT", All), ("PFMERGE", All), ("PUBLISH", First(1)), ("RESTORE", First(2)),
    ("SLAVEOF", All), ("SLOWLOG", All), ("SORT_RO", All), ("STRALGO", All), ("UNWATCH", All),
    ("WAITAOF", All), ("ZINCRBY", First(1)), ("ZMSCORE", First(1)), ("ZPOPMAX", All), ("ZPOPMIN", All),
    ("BITCOUNT", All), ("BITFIELD", All), ("BZPOPMAX", All), ("BZPOPMIN", All), ("EXPIREAT", All),
    ("FCALL_RO", Script), ("FLUSHALL", All), ("FUNCTION", First(1)), ("GETRANGE", All), ("HPERSIST", All),
    ("HPEXPIRE", All), ("LASTSAVE", All), ("READONLY", All), ("RENAMENX", All), ("SENTINEL", First(1)),
    ("SETRANGE", First(1)), ("SHUTDOWN", All), ("SMEMBERS", All), ("SPUBLISH", First(1)), ("XPENDING", All),
    ("ZREVRANK", First(1)), ("GEORADIUS", All), ("GEOSEARCH", All), ("HEXPIREAT", All), ("PEXPIREAT", All),
    ("RANDOMKEY", All), ("READWRITE", All), ("REPLICAOF", All), ("RPOPLPUSH", All), ("SISMEMBER", First(1)),
    ("SUBSCRIBE", All), ("XREVRANGE", All), ("ZLEXCOUNT", First(1)), ("ZREVRANGE", All), ("BRPOPLPUSH", All),
    ("EVALSHA_RO", Script), ("EXPIRETIME", All), ("HPEXPIREAT", All), ("HRANDFIELD", All),
    ("PSUBSCRIBE", All), ("SDIFFSTORE", All), ("SINTERCARD", All), ("SMISMEMBER", First(1)),
    ("SSUBSCRIBE", All), ("XAUTOCLAIM", All), ("XREADGROUP", All), ("ZDIFFSTORE", All), ("ZINTERCARD", All),
    ("BITFIELD_RO", All), ("HEXPIRETIME", All), ("INCRBYFLOAT", All), ("PEXPIRETIME", All),
    ("SINTERSTORE", All), ("SRANDMEMBER", All), ("SUNIONSTORE", All), ("UNSUBSCRIBE", All),
    ("ZINTERSTORE", All), ("ZRANDMEMBER", All), ("ZRANGEBYLEX", First(1)), ("ZRANGESTORE", First(2)),
    ("ZUNIONSTORE", All), ("BGREWRITEAOF", All), ("GEORADIUS_RO", All), ("HINCRBYFLOAT", All),
    ("HPEXPIRETIME", All), ("PUNSUBSCRIBE", All), ("SUNSUBSCRIBE", All), ("ZRANGEBYSCORE", First(1)),
    ("GEOSEARCHSTORE", All), ("RESTORE-ASKING", First(2)), ("ZREMRANGEBYLEX", First(1)),
    ("ZREVRANGEBYLEX", First(1)), ("ZREMRANGEBYRANK", All), ("ZREMRANGEBYSCORE", First(1)),
    ("ZREVRANGEBYSCORE", First(1)), ("GEORADIUSBYMEMBER", All), ("GEORADIUSBYMEMBER_RO", All),
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
        assert_eq!(COMMANDS.last().map(|(name, _)| name.len()), Some(LONGEST));
        assert!(find(&[b'A'; LONGEST + 1]).is_none() && find(&[b'A'; LONGEST]).is_none());
        assert!(find(b"").is_none() && find(b"GE").is_none() && find(b"GETT").is_none());
    }
}
