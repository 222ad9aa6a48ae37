//! Reading variables by the specification's rules:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// What stands for a value that may hold credentials.
pub(super) const HIDDEN: &str = "…";

/// A shorter timeout is more often a number of seconds than what was meant.
const SHORT: Duration = Duration::from_millis(100);

/// A variable with a value that cannot be followed, or that can and hardly should. Prints as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigWarning {
    /// The variable.
    pub variable: String,
    /// Its value as it was written, but for what may be a credential; of a list, the part that is wrong.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is used instead; none where the value is followed all the same.
    pub used: Option<String>,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            value,
            problem,
            used,
        } = self;
        write!(f, "{variable}: {value:?} {problem}")?;
        match used {
            Some(used) => write!(f, "; instead: {used}"),
            None => Ok(()),
        }
    }
}

/// So many warnings are there of one variable; a list may have thousands of parts.
pub(super) const MOST: usize = 8;

const LIMIT: &str = "is no number from 0";

const MILLISECONDS: &str = "is no number of milliseconds, such as 10000 for 10 seconds";

/// What one setting is read from; the first that has a value counts.
pub(super) type Variables = &'static [&'static str];

/// The variables, which of them have a value, and what was found wrong with them.
pub(super) struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    set: RefCell<BTreeSet<&'static str>>,
    warnings: RefCell<Vec<ConfigWarning>>,
}

impl<'a> Env<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            get,
            set: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// What `read` reads, without what it finds wrong.
    pub(super) fn unheard<T>(&self, read: impl FnOnce() -> T) -> T {
        let heard = self.warnings.borrow().len();
        let value = read();
        self.warnings.borrow_mut().truncate(heard);
        value
    }

    /// The variables that were read and have a value, and what was wrong with values.
    pub(super) fn into_parts(self) -> (BTreeSet<&'static str>, Vec<ConfigWarning>) {
        (self.set.into_inner(), self.warnings.into_inner())
    }

    /// Warns of a value that cannot be followed.
    pub(super) fn warn(&self, variable: &str, value: &str, problem: &str, used: &str) {
        self.add(variable, value, problem, Some(used));
    }

    /// Warns of a value that is followed and hardly meant.
    pub(super) fn doubt(&self, variable: &str, value: &str, problem: &str) {
        self.add(variable, value, problem, None);
    }

    fn add(&self, variable: &str, value: &str, problem: &str, used: Option<&str>) {
        let mut warnings = self.warnings.borrow_mut();
        let same = warnings.iter().filter(|known| known.variable == variable);
        let same = same.count();
        // What is said no more is not made either: the others of a list may be thousands.
        if same > MOST {
            return;
        }
        let mut warning = ConfigWarning {
            variable: variable.to_owned(),
            value: value.to_owned(),
            problem: problem.to_owned(),
            used: used.map(str::to_owned),
        };
        // Both signals read the generic variables.
        if warnings.contains(&warning) {
            return;
        }
        if same == MOST {
            HIDDEN.clone_into(&mut warning.value);
            "has more parts like these".clone_into(&mut warning.problem);
        }
        warnings.push(warning);
    }

    /// The value of a variable as it was written.
    pub(super) fn raw(&self, variable: &str) -> Option<String> {
        (self.get)(variable)
    }

    /// The value of a variable; an empty one is unset.
    pub(super) fn text(&self, variable: &'static str) -> Option<String> {
        let value = (self.get)(variable)?;
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        self.set.borrow_mut().insert(variable);
        Some(value.to_owned())
    }

    /// The first of the variables that has a value, and its value.
    pub(super) fn first(&self, variables: Variables) -> Option<(&'static str, String)> {
        let mut variables = variables.iter();
        variables.find_map(|&variable| Some((variable, self.text(variable)?)))
    }

    /// The value of a variable that has a set of known values, in lower case: the specification reads them in any case.
    pub(super) fn keyword(&self, variable: &'static str) -> Option<String> {
        self.text(variable).map(|value| value.to_ascii_lowercase())
    }

    /// The items of a list; an empty one is none.
    pub(super) fn list(&self, variable: &'static str) -> Vec<String> {
        let list = self.text(variable).unwrap_or_default();
        items(&list).map(str::to_owned).collect()
    }

    /// True for `true` in any case; false is the default of every such variable.
    pub(super) fn boolean(&self, variable: &'static str) -> bool {
        match self.text(variable) {
            Some(value) if value.eq_ignore_ascii_case("true") => true,
            Some(value) if !value.eq_ignore_ascii_case("false") => {
                self.warn(variable, &value, "is not true or false", "false");
                false
            }
            _ => false,
        }
    }

    /// A duration in milliseconds, not 0.
    pub(super) fn milliseconds(&self, variables: Variables, default: Duration) -> Duration {
        let is_right = |milliseconds: &u64| *milliseconds > 0;
        let problem = "is no number of milliseconds above 0, such as 10000 for 10 seconds";
        self.duration(variables, default, is_right, problem)
    }

    /// A duration in milliseconds.
    pub(super) fn milliseconds_or_0(&self, variables: Variables, default: Duration) -> Duration {
        self.duration(variables, default, |_| true, MILLISECONDS)
    }

    /// A duration in milliseconds; none where the variable is not set.
    pub(super) fn milliseconds_if_set(&self, variables: Variables) -> Option<Duration> {
        let milliseconds = self.number(variables, u64::MAX, |_| true, MILLISECONDS, &"none");
        (milliseconds < u64::MAX).then_some(Duration::from_millis(milliseconds))
    }

    /// The longest time for something, in milliseconds; 0 is no limit.
    pub(super) fn timeout(&self, variables: Variables, default: Duration) -> Duration {
        let timeout = self.milliseconds_or_0(variables, default);
        if !timeout.is_zero()
            && timeout < SHORT
            && let Some((variable, value)) = self.first(variables)
        {
            let milliseconds = timeout.as_millis();
            let problem = format!(
                "is {milliseconds} milliseconds, too short for most exports: write {milliseconds}000 for {milliseconds} seconds"
            );
            self.doubt(variable, &value, &problem);
        }
        timeout
    }

    fn duration(
        &self,
        variables: Variables,
        default: Duration,
        is_right: impl Fn(&u64) -> bool,
        problem: &str,
    ) -> Duration {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        let used = format_args!("{default} ms");
        Duration::from_millis(self.number(variables, default, is_right, problem, &used))
    }

    /// A number of things, not 0.
    pub(super) fn count(&self, variables: Variables, default: usize) -> usize {
        self.count_above(0, variables, default)
    }

    /// A number of things that is more than `least`.
    pub(super) fn count_above(&self, least: usize, variables: Variables, default: usize) -> usize {
        let problem = format!("is no number above {least}");
        self.number(variables, default, |it| *it > least, &problem, &default)
    }

    /// The most things of a kind; 0 is none of them.
    pub(super) fn limit(&self, variables: Variables, default: usize) -> usize {
        self.number(variables, default, |_| true, LIMIT, &default)
    }

    /// The most characters; none where no variable is set.
    pub(super) fn length_limit(&self, variables: Variables) -> Option<usize> {
        let limit = self.number(variables, usize::MAX, |_| true, LIMIT, &"no limit");
        (limit < usize::MAX).then_some(limit)
    }

    fn number<N: FromStr>(
        &self,
        variables: Variables,
        default: N,
        is_right: impl Fn(&N) -> bool,
        problem: &str,
        used: &dyn fmt::Display,
    ) -> N {
        let Some((variable, value)) = self.first(variables) else {
            return default;
        };
        match value.parse().ok().filter(is_right) {
            Some(number) => number,
            None => {
                self.warn(variable, &value, problem, &used.to_string());
                default
            }
        }
    }
}

/// The items of a list, separated by commas, without empty ones.
pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    let items = list.split(',').map(str::trim);
    items.filter(|item| !item.is_empty())
}

pub(super) type Pairs = Vec<(String, String)>;

/// The list `key=value,key=value`, whose keys and values may be percent-encoded. None if any part of it is wrong.
pub(super) fn pairs(list: &str) -> Option<Pairs> {
    (list.split(',').filter(|pair| !pair.trim().is_empty()))
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = decoded(key).filter(|key| !key.is_empty())?;
            Some((key, decoded(value)?))
        })
        .collect()
}

/// A `%` that begins no escape is an error: what was written is not what was meant.
fn decoded(text: &str) -> Option<String> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let text = text.trim();
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}
