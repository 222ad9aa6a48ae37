//! What is remembered of the spans that have not ended: their queries, by kinds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanId, TraceId};

use super::query::Named;

/// So that threads seldom wait for each other.
const SHARDS: usize = 64;

/// Open spans of a shard. The next one takes the place of the one whose last query is the longest ago.
const MOST_PARENTS: usize = 64;

/// Kinds of queries under a span. The next one takes the place of the one with the fewest queries.
const MOST_KINDS: usize = 16;

/// Kinds under a span that are reported.
const MOST_NAMED: usize = 4;

/// How long a span is remembered after its last query, in nanoseconds: one that never ends costs nothing lasting.
const LIFETIME: u64 = 60 * 1_000_000_000;

/// An open span.
pub(super) type Id = (TraceId, SpanId);

/// A query, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Queries with the same identity under the same span.
#[derive(Debug)]
pub(super) struct Kind {
    hash: u64,
    /// So many ran one after the other.
    pub(super) count: u64,
    /// So many nanoseconds long, together.
    pub(super) time: u64,
    /// When the last one ended, whether it counts or not.
    pub(super) end: u64,
    /// What they are, once there are enough of them.
    pub(super) named: Option<Box<Named>>,
}

impl Kind {
    fn new(hash: u64) -> Self {
        Self {
            hash,
            count: 0,
            time: 0,
            end: 0,
            named: None,
        }
    }

    /// One that began before another had ended does not count: it ran beside it. By a clock that went back, one has taken no
    /// time.
    fn add(&mut self, Asked { start, end }: Asked) {
        if start >= self.end {
            self.count += 1;
            self.time = self.time.saturating_add(end.saturating_sub(start));
        }
        self.end = self.end.max(end);
    }
}

/// A span that is open, or whose place is free: without a kind.
#[derive(Debug)]
struct Parent {
    id: Id,
    touched: u64,
    // Keeps its memory for the next span.
    kinds: Vec<Kind>,
}

impl Parent {
    /// By the times of the spans: clocks that jump, forwards or back, make it end early.
    fn is_over(&self, now: u64) -> bool {
        self.kinds.is_empty() || self.touched.abs_diff(now) > LIFETIME
    }

    /// The place of a kind.
    fn kind(&mut self, hash: u64) -> usize {
        if let Some(known) = self.kinds.iter().position(|kind| kind.hash == hash) {
            return known;
        }
        if self.kinds.len() < MOST_KINDS {
            self.kinds.push(Kind::new(hash));
            return self.kinds.len() - 1;
        }
        let least = least(&self.kinds, |kind| (kind.count, kind.end));
        self.kinds[least] = Kind::new(hash);
        least
    }

    fn named(&self) -> usize {
        let named = self.kinds.iter().filter(|kind| kind.named.is_some());
        named.count()
    }
}

/// The place of the least; 0 where there is none.
fn least<T, K: Ord>(list: &[T], key: impl Fn(&T) -> K) -> usize {
    let places = 0..list.len();
    places.min_by_key(|&at| key(&list[at])).unwrap_or_default()
}

/// Alone on its cache line, since each span that ends looks at one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    /// Parents that are no free place, for those who only want to know whether there is any.
    occupied: AtomicUsize,
    parents: Mutex<Vec<Parent>>,
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Vec<Parent>> {
        // Nothing foreign runs under this lock, so a poisoned one holds a whole list.
        self.parents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span, whether it is known or not.
    fn open<'a>(&self, parents: &'a mut Vec<Parent>, id: Id, now: u64) -> &'a mut Parent {
        let known = parents.iter().position(|parent| parent.id == id);
        let place = known
            .or_else(|| parents.iter().position(|parent| parent.is_over(now)))
            .or_else(|| (parents.len() == MOST_PARENTS).then(|| least(parents, |it| it.touched)));
        let place = place.unwrap_or_else(|| {
            parents.push(Parent {
                id,
                touched: now,
                kinds: Vec::new(),
            });
            parents.len() - 1
        });
        let parent = &mut parents[place];
        if parent.kinds.is_empty() {
            self.occupied.fetch_add(1, Ordering::Relaxed);
        }
        if parent.id != id || parent.is_over(now) {
            parent.id = id;
            parent.kinds.clear();
        }
        parent.touched = now;
        parent
    }
}

/// The open spans that have queries under them. Its size is bounded, and in the long run nothing allocates.
#[derive(Debug)]
pub(super) struct Table([Shard; SHARDS]);

impl Table {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Shard::default()))
    }

    /// Counts a query. `name` is asked what it is each time that its kind has no name yet, and need not know.
    pub(super) fn count(
        &self,
        parent: Id,
        hash: u64,
        asked: Asked,
        name: impl FnOnce(&Kind) -> Option<Named>,
    ) {
        let shard = self.shard(parent);
        let mut parents = shard.lock();
        let parent = shard.open(&mut parents, parent, asked.end);
        let place = parent.kind(hash);
        parent.kinds[place].add(asked);
        if parent.kinds[place].named.is_none() && parent.named() < MOST_NAMED {
            parent.kinds[place].named = name(&parent.kinds[place]).map(Box::new);
        }
    }

    /// Whether there may be queries under a span; mostly there are none under any.
    pub(super) fn may_know(&self, id: Id) -> bool {
        // Whoever ends a span knows that what ran under it has ended: that is order enough.
        self.shard(id).occupied.load(Ordering::Relaxed) > 0
    }

    /// Forgets a span that ends, and returns the kinds that have a name.
    pub(super) fn close(&self, id: Id, now: u64) -> Vec<Kind> {
        let shard = self.shard(id);
        let mut parents = shard.lock();
        let is_it = |parent: &&mut Parent| parent.id == id && !parent.kinds.is_empty();
        let Some(parent) = parents.iter_mut().find(is_it) else {
            return Vec::new();
        };
        shard.occupied.fetch_sub(1, Ordering::Relaxed);
        let is_over = parent.is_over(now);
        let kinds = parent.kinds.drain(..);
        kinds
            .filter(|kind| !is_over && kind.named.is_some())
            .collect()
    }

    /// Ids of spans are random in all of their bits, or in none.
    fn shard(&self, (_, span): Id) -> &Shard {
        let mixed = u64::from_be_bytes(span.to_bytes()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.0[(mixed >> 32) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::n_plus_one::query::tests::named;

    const SECOND: u64 = 1_000_000_000;

    fn id(number: u64) -> Id {
        (TraceId::from(7), SpanId::from(number))
    }

    fn asked(start: u64) -> Asked {
        let end = start + 1;
        Asked { start, end }
    }

    /// Three of a kind have a name.
    fn count(table: &Table, parent: u64, hash: u64, start: u64) {
        let name = |kind: &Kind| (kind.count >= 3).then(named);
        table.count(id(parent), hash, asked(start), name);
    }

    #[track_caller]
    fn check(table: &Table, parent: u64, now: u64, expected: &[u64]) {
        assert!(expected.is_empty() || table.may_know(id(parent)));
        let closed = table.close(id(parent), now);
        let counts: Vec<_> = closed.iter().map(|kind| kind.count).collect();
        assert_eq!(counts, expected);
    }

    /// Places of parents, those that are occupied, and places of kinds.
    fn size(table: &Table) -> [usize; 3] {
        let mut size = [0; 3];
        for shard in &table.0 {
            let parents = shard.lock();
            let open = parents.iter().filter(|parent| !parent.kinds.is_empty());
            let open = open.count();
            assert_eq!(shard.occupied.load(Ordering::Relaxed), open);
            size[0] += parents.capacity();
            size[1] += open;
            let kinds = parents.iter().map(|parent| parent.kinds.capacity());
            size[2] += kinds.sum::<usize>();
        }
        size
    }

    #[test]
    fn a_span_that_has_ended_is_forgotten_and_its_place_taken_again() {
        let table = Table::new();
        for round in 0..100 {
            for parent in 1..=3 {
                for time in 0..parent + 1 {
                    count(&table, parent + 10 * round, 1, 10 * time);
                }
            }
            check(&table, 1 + 10 * round, 50, &[]);
            let elsewhere = (TraceId::from(8), id(2 + 10 * round).1);
            assert!(table.close(elsewhere, 50).is_empty());
            check(&table, 2 + 10 * round, 50, &[3]);
            check(&table, 3 + 10 * round, 50, &[4]);
            check(&table, 3 + 10 * round, 50, &[]);
            assert!(!table.may_know(id(3 + 10 * round)));
            assert_eq!(size(&table)[1], 0);
        }
        // A vector begins with four places.
        let [parents, _, kinds] = size(&table);
        assert!(parents <= 4 * SHARDS && kinds <= 16 * SHARDS);
    }

    #[test]
    fn open_spans_are_bounded_and_those_with_the_latest_queries_remain() {
        const PARENTS: u64 = 100_000;
        let table = Table::new();
        for parent in 1..=PARENTS {
            // Enough of them at the end.
            let kinds = if parent > PARENTS - 10_000 { 20 } else { 1 };
            for hash in 0..kinds {
                count(&table, parent, hash, parent);
            }
        }
        let most = SHARDS * MOST_PARENTS;
        assert_eq!(size(&table), [most, most, most * MOST_KINDS]);
        let bytes =
            size_of::<Table>() + most * size_of::<Parent>() + most * MOST_KINDS * size_of::<Kind>();
        assert!(bytes < 3_000_000, "{bytes}");
        // The documentation says so many.
        assert_eq!(most, 4096);
        for _ in 0..2 {
            count(&table, PARENTS, 19, PARENTS + 10);
            count(&table, 1, 19, PARENTS + 10);
        }
        count(&table, PARENTS, 19, PARENTS + 20);
        count(&table, 1, 19, PARENTS + 20);
        check(&table, PARENTS, PARENTS, &[3]);
        check(&table, 1, PARENTS, &[]);
    }

    #[test]
    fn a_new_kind_takes_the_place_of_the_one_with_the_fewest_queries() {
        let table = Table::new();
        for time in 0..3 {
            count(&table, 1, 0, 10 * time);
        }
        for hash in 1..1000 {
            count(&table, 1, hash, hash);
        }
        for time in 3..6 {
            count(&table, 1, 0, 1000 * time);
            count(&table, 1, 7, 1000 * time);
        }
        check(&table, 1, 6000, &[6, 3]);
    }

    #[test]
    fn few_kinds_of_a_span_have_a_name() {
        let table = Table::new();
        for hash in 0..16 {
            for time in 0..3 {
                count(&table, 1, hash, 10 * time);
            }
        }
        check(&table, 1, 50, &[3; MOST_NAMED]);
    }

    #[test]
    fn a_span_is_forgotten_a_minute_after_its_last_query() {
        let table = Table::new();
        let count_at = |times: &[u64]| {
            for time in times {
                count(&table, 1, 1, time * SECOND);
            }
        };
        count_at(&[100, 159, 218]);
        check(&table, 1, 270 * SECOND, &[3]);
        count_at(&[100, 159, 220]);
        check(&table, 1, 270 * SECOND, &[]);
        count_at(&[100, 110, 120]);
        check(&table, 1, 181 * SECOND, &[]);
        assert_eq!(size(&table)[1], 0);
        // A clock that was wrong does not hold a place for ever.
        count_at(&[1_000_000, 100, 110, 120]);
        check(&table, 1, 130 * SECOND, &[3]);
        assert_eq!(size(&table)[..2], [4, 0]);
    }

    #[test]
    fn spans_that_never_end_give_their_places_to_later_ones() {
        let table = Table::new();
        for parent in 1..=10_000 {
            // One in a minute.
            count(&table, parent, 1, parent * 61 * SECOND);
        }
        // Each shard has the first places of its vector.
        assert_eq!(size(&table)[0], 4 * SHARDS);
        assert_eq!(size(&table)[1], SHARDS);
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_not_overflow() {
        let table = Table::new();
        let never = u64::MAX;
        for (start, end) in [(0, never), (never, never), (never, 0), (0, 0), (0, never)] {
            table.count(id(1), 1, Asked { start, end }, |_| Some(named()));
        }
        table.close(id(1), 0);
        table.close(id(1), never);
    }
}
