//! What an application does with Redis: sessions, counters, a leaderboard, a queue, locks, a stream.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{
    AsyncCommands, AsyncIter, ErrorKind, ExistenceCheck, RedisResult, Script, SetExpiry,
    SetOptions, Value,
};

use super::Connected;

type Connection = Connected<MultiplexedConnection>;
type Manager = Connected<ConnectionManager>;

/// Everything, one after the other.
pub(crate) async fn all(mut connection: Connection, mut manager: Manager) -> RedisResult<()> {
    connection.set_response_timeout(Duration::from_secs(5));
    sessions(&mut connection).await?;
    counters(&mut manager).await?;
    leaderboard(&mut manager).await?;
    queue(connection.clone(), manager.clone()).await?;
    locks(&mut connection).await?;
    transfer(&mut connection).await?;
    concurrently(&connection).await?;
    stream(&mut manager).await?;
    errors(&mut connection).await?;
    assert_eq!(ping(&mut connection).await?, "PONG");
    assert_eq!(ping(&mut manager).await?, "PONG");
    Ok(())
}

/// Anything that is a connection.
async fn ping<C: ConnectionLike>(connection: &mut C) -> RedisResult<String> {
    redis::cmd("PING").query_async(connection).await
}

#[derive(Debug, PartialEq)]
struct Session {
    user: String,
    visits: u32,
}

async fn load(connection: &mut impl AsyncCommands, id: &str) -> RedisResult<Option<Session>> {
    let fields: HashMap<String, String> = connection.hgetall(id).await?;
    let (Some(user), Some(visits)) = (fields.get("user"), fields.get("visits")) else {
        return Ok(None);
    };
    let visits = visits.parse().unwrap_or_default();
    Ok(Some(Session {
        user: user.clone(),
        visits,
    }))
}

async fn sessions(connection: &mut Connection) -> RedisResult<()> {
    assert_eq!(load(connection, "session:1").await?, None);
    let () = connection
        .hset_multiple("session:1", &[("user", "ada"), ("visits", "1")])
        .await?;
    let () = connection.expire("session:1", 60).await?;
    let visits: u32 = connection.hincr("session:1", "visits", 1).await?;
    assert_eq!(visits, 2);
    let session = load(connection, "session:1").await?;
    assert_eq!(
        session,
        Some(Session {
            user: "ada".to_owned(),
            visits: 2
        })
    );
    let ttl: i64 = connection.ttl("session:1").await?;
    assert!((1..=60).contains(&ttl));

    for number in 2..=20 {
        let () = connection.set(format!("page:{number}"), number).await?;
    }
    let mut found = BTreeSet::new();
    let mut pages: AsyncIter<'_, String> = connection.scan_match("page:1*").await?;
    while let Some(page) = pages.next_item().await {
        found.insert(page?);
    }
    drop(pages);
    assert_eq!(found.len(), 10);
    let deleted: usize = connection
        .del(found.into_iter().collect::<Vec<_>>())
        .await?;
    assert_eq!(deleted, 10);
    Ok(())
}

async fn counters(manager: &mut Manager) -> RedisResult<()> {
    let () = manager.set_ex("hits", 41, 60).await?;
    let hits: i64 = manager.incr("hits", 1).await?;
    assert_eq!(hits, 42);
    let (set, got): (bool, Option<i64>) = redis::pipe()
        .set_nx("hits", 1)
        .get("hits")
        .query_async(manager)
        .await?;
    assert_eq!((set, got), (false, Some(42)));
    let several: Vec<Option<i64>> = manager.mget(&["hits", "misses"]).await?;
    assert_eq!(several, [Some(42), None]);
    Ok(())
}

async fn leaderboard(manager: &mut Manager) -> RedisResult<()> {
    let scores = [(10, "ada"), (30, "grace"), (20, "edsger")];
    let added: usize = manager.zadd_multiple("scores", &scores).await?;
    assert_eq!(added, 3);
    let best: Vec<(String, u32)> = manager.zrevrange_withscores("scores", 0, 1).await?;
    assert_eq!(best, [("grace".to_owned(), 30), ("edsger".to_owned(), 20)]);
    let rank: Option<usize> = manager.zrevrank("scores", "ada").await?;
    assert_eq!(rank, Some(2));
    Ok(())
}

/// One waits for what the other sends, by connections of their own.
async fn queue(mut sender: Connection, receiver: Manager) -> RedisResult<()> {
    let worker = tokio::spawn(async move {
        let mut receiver = receiver;
        let mut jobs = Vec::new();
        while jobs.len() < 2 {
            let job: Option<(String, String)> = receiver.blpop("jobs", 5.0).await?;
            jobs.extend(job.map(|(_, job)| job));
        }
        RedisResult::Ok(jobs)
    });
    let () = sender.rpush("jobs", &["mail", "invoice"]).await?;
    assert_eq!(worker.await.unwrap()?, ["mail", "invoice"]);
    Ok(())
}

async fn locks(connection: &mut Connection) -> RedisResult<()> {
    let options = SetOptions::default()
        .conditional_set(ExistenceCheck::NX)
        .with_expiration(SetExpiry::PX(60_000));
    let taken: bool = connection
        .set_options("lock", "me", options.clone())
        .await?;
    let again: Value = connection.set_options("lock", "you", options).await?;
    assert!(taken && again == Value::Nil);
    let release = Script::new(
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0",
    );
    for (who, released) in [("you", 0), ("me", 1)] {
        let answer: i64 = release
            .key("lock")
            .arg(who)
            .invoke_async(connection)
            .await?;
        assert_eq!(answer, released);
    }
    Ok(())
}

async fn transfer(connection: &mut Connection) -> RedisResult<()> {
    let () = connection.mset(&[("from", 100), ("to", 0)]).await?;
    let () = redis::cmd("WATCH")
        .arg("from")
        .query_async(connection)
        .await?;
    let balance: i64 = connection.get("from").await?;
    assert_eq!(balance, 100);
    let (from, to): (i64, i64) = redis::pipe()
        .atomic()
        .decr("from", 30)
        .incr("to", 30)
        .query_async(connection)
        .await?;
    assert_eq!((from, to), (70, 30));
    Ok(())
}

/// Clones share a connection.
async fn concurrently(connection: &Connection) -> RedisResult<()> {
    let tasks = (0..5).map(|number| {
        let mut connection = connection.clone();
        tokio::spawn(async move { connection.incr::<_, _, i64>("shared", number).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap()?;
    }
    let sum: i64 = connection.clone().get("shared").await?;
    assert_eq!(sum, 10);
    Ok(())
}

async fn stream(manager: &mut Manager) -> RedisResult<()> {
    let _: String = manager.xadd("orders", "*", &[("item", "tea")]).await?;
    let options = StreamReadOptions::default().count(10);
    let read: StreamReadReply = manager.xread_options(&["orders"], &["0"], &options).await?;
    assert_eq!(read.keys[0].ids[0].get("item"), Some("tea".to_owned()));
    let subscribers: usize = manager.publish("orders", "new").await?;
    assert_eq!(subscribers, 0);
    Ok(())
}

async fn errors(connection: &mut Connection) -> RedisResult<()> {
    let () = connection.set("text", "abc").await?;
    let error = connection.incr::<_, _, i64>("text", 1).await.unwrap_err();
    assert_eq!(error.code(), Some("ERR"));
    let error = connection.llen::<_, i64>("session:1").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Extension, Some("WRONGTYPE"))
    );
    let error = connection.get::<_, i64>("text").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    let mut pipeline = redis::pipe();
    pipeline.incr("text", 1).get("text").ignore_errors();
    let answers: Vec<RedisResult<Value>> = pipeline.query_async(connection).await?;
    assert!(answers[0].is_err() && answers[1].is_ok());
    Ok(())
}
