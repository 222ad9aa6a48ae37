//! Routes: low-cardinality templates, interned once so that a request neither formats nor allocates its span's name.

use std::hash::Hasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::method::KnownMethod;

/// How many routes a process may intern; what a hook returns past it is left out.
const MAX_ROUTES: u32 = 1024;
/// Twice as many, so that a free place is always near.
const PLACES: usize = 2 * MAX_ROUTES as usize;

/// A hash table that only grows: a route is at the place of its hash or at the next free one. Looking one up takes no
/// lock.
static ROUTES: [OnceLock<Route>; PLACES] = [const { OnceLock::new() }; PLACES];
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A route template, such as `/users/{id}`, interned for the life of the process.
#[derive(Clone, Copy, Debug)]
pub struct Route(&'static Interned);

#[derive(Debug)]
struct Interned {
    id: u32,
    template: &'static str,
    names: [OnceLock<&'static str>; KnownMethod::COUNT],
}

impl Route {
    /// The route of `template`. None for an empty template, and once the process has a thousand routes: then
    /// somebody's hook returns paths in place of templates.
    #[must_use]
    pub fn intern(template: &str) -> Option<Self> {
        let mut hasher = Fnv::default();
        hasher.write(template.as_bytes());
        let mut place = hasher.finish() as usize % PLACES;
        while let Some(&route) = ROUTES[place].get() {
            if route.template() == template {
                return Some(route);
            }
            place = (place + 1) % PLACES;
        }
        Self::insert(template, place)
    }

    #[cold]
    fn insert(template: &str, mut place: usize) -> Option<Self> {
        if template.is_empty() {
            return None;
        }
        let count = COUNT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < MAX_ROUTES).then_some(count + 1)
        });
        let route = Self(Box::leak(Box::new(Interned {
            id: count.ok()? + 1,
            template: Box::leak(template.into()),
            names: [const { OnceLock::new() }; KnownMethod::COUNT],
        })));
        loop {
            // Another thread may have taken the place, perhaps for the same template.
            let there = *ROUTES[place].get_or_init(|| route);
            if there.template() == template {
                return Some(there);
            }
            place = (place + 1) % PLACES;
        }
    }

    /// The template.
    #[must_use]
    pub fn template(self) -> &'static str {
        self.0.template
    }

    /// A number that no other route of the process has; never 0.
    pub(super) fn id(self) -> u32 {
        self.0.id
    }

    /// The span's name: `GET /users/{id}`.
    pub(super) fn span_name(self, method: KnownMethod) -> &'static str {
        self.0.names[method.index()].get_or_init(|| {
            Box::leak(format!("{} {}", method.in_span_name(), self.template()).into_boxed_str())
        })
    }
}

/// FNV-1a with a faster step for eight bytes: for short keys that the application chose itself, several times cheaper
/// than the standard hasher.
#[derive(Clone, Copy)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks();
        for &eight in eights {
            self.write_u64(u64::from_le_bytes(eight));
        }
        for &byte in rest {
            self.write_u8(byte);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn write_u64(&mut self, number: u64) {
        // The high bits are folded in: the table looks at the lowest and the highest.
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_interned_once() {
        let first = Route::intern("/once/{id}").unwrap();
        let second = Route::intern(&String::from("/once/{id}")).unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(first.span_name(KnownMethod::GET), "GET /once/{id}");
        assert_eq!(first.span_name(KnownMethod::OTHER), "HTTP /once/{id}");
        assert!(Route::intern("").is_none());
    }

    #[test]
    fn threads_that_intern_at_once_get_the_same_route() {
        let templates: Vec<_> = (0..50).map(|i| format!("/at-once/{i}")).collect();
        let intern = || -> Vec<_> {
            let routes = templates
                .iter()
                .map(|template| Route::intern(template).unwrap());
            routes.map(Route::id).collect()
        };
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(all.windows(2).all(|ids| ids[0] == ids[1]));
    }
}
