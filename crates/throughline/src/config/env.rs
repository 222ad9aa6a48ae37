//! Reading variables by the specification's rules:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use std::cell::RefCell;
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
const MOST: usize = 8;

const LIMIT: &str = "is no number from 0";

const MILLISECONDS: &str = "is no number of milliseconds, such as 10000 for 10 seconds";

/// The variables, and what was found wrong with them.
pub(super) struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    warnings: RefCell<Vec<ConfigWarning>>,
}

impl<'a> Env<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            get,
            warnings: RefCell::default(),
        }
    }

    /// The same variables, for a reader whose warnings nobody needs.
    pub(super) fn unheard(&self) -> Self {
        Self::new(self.get)
    }

    pub(super) fn into_warnings(self) -> Vec<ConfigWarning> {
        self.warnings.into_inner()
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
        let mut warning = ConfigWarning {
            variable: variable.to_owned(),
            value: value.to_owned(),
            problem: problem.to_owned(),
            used: used.map(str::to_owned),
        };
        let mut warnings = self.warnings.borrow_mut();
        let same = warnings.iter().filter(|known| known.variable == variable);
        match same.count() {
            // Both signals read the generic variables.
            _ if warnings.contains(&warning) => {}
            0..MOST => warnings.push(warning),
            MOST => {
                HIDDEN.clone_into(&mut warning.value);
                "has more parts like these".clone_into(&mut warning.problem);
                warnings.push(warning);
            }
            _ => {}
        }
    }

    /// The value of a variable as it was written.
    pub(super) fn raw(&self, variable: &str) -> Option<String> {
        (self.get)(variable)
    }

    /// Whether a value of this variable was not followed, or not all of it.
    pub(super) fn is_refused(&self, variable: &str) -> bool {
        let warnings = self.warnings.borrow();
        let mut warnings = warnings.iter();
        warnings.any(|warning| warning.variable == variable && warning.used.is_some())
    }

    /// The first of the variables that has a value, else the last.
    pub(super) fn first_set<'v>(&self, [own, generic]: [&'v str; 2]) -> &'v str {
        if self.text(own).is_some() {
            own
        } else {
            generic
        }
    }

    /// The value of a variable; an empty one is unset.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        let value = (self.get)(variable)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The value of a variable that has a set of known values, in lower case: the specification reads them in any case.
    pub(super) fn keyword(&self, variable: &str) -> Option<String> {
        self.text(variable).map(|value| value.to_ascii_lowercase())
    }

    /// The items of a list, separated by commas; an empty one is none.
    pub(super) fn list(&self, variable: &str) -> Vec<String> {
        let list = self.text(variable).unwrap_or_default();
        let items = list.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// True for `true` in any case; false is the default of every such variable.
    pub(super) fn boolean(&self, variable: &str) -> bool {
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
    pub(super) fn milliseconds(&self, variable: &str, default: Duration) -> Duration {
        let is_right = |milliseconds: &u64| *milliseconds > 0;
        let problem = "is no number of milliseconds above 0, such as 10000 for 10 seconds";
        self.duration(variable, default, is_right, problem)
    }

    /// A duration in milliseconds.
    pub(super) fn milliseconds_or_0(&self, variable: &str, default: Duration) -> Duration {
        self.duration(variable, default, |_| true, MILLISECONDS)
    }

    /// The longest time for something, in milliseconds; 0 is no limit.
    pub(super) fn timeout(&self, variable: &str, default: Duration) -> Duration {
        let timeout = self.milliseconds_or_0(variable, default);
        if !timeout.is_zero() && timeout < SHORT {
            let milliseconds = timeout.as_millis();
            let problem = format!(
                "is {milliseconds} milliseconds, too short for most exports: write {milliseconds}000 for {milliseconds} seconds"
            );
            let value = self.text(variable).unwrap_or_default();
            self.doubt(variable, &value, &problem);
        }
        timeout
    }

    fn duration(
        &self,
        variable: &str,
        default: Duration,
        is_right: impl Fn(&u64) -> bool,
        problem: &str,
    ) -> Duration {
        let default = default.as_millis();
        let used = format!("{default} ms");
        let default = u64::try_from(default).unwrap_or(u64::MAX);
        Duration::from_millis(self.number(variable, default, is_right, problem, &used))
    }

    /// A number of things, not 0.
    pub(super) fn count(&self, variable: &str, default: usize) -> usize {
        let is_right = |count: &usize| *count > 0;
        self.number(
            variable,
            default,
            is_right,
            "is no number above 0",
            &default.to_string(),
        )
    }

    /// The most things of a kind; 0 is none of them.
    pub(super) fn limit(&self, variable: &str, default: usize) -> usize {
        let used = default.to_string();
        self.number(variable, default, |_| true, LIMIT, &used)
    }

    /// The most characters; none where the variable is not set.
    pub(super) fn length_limit(&self, variable: &str) -> Option<usize> {
        let problem = LIMIT;
        let limit = self.number(variable, usize::MAX, |_| true, problem, "no limit");
        (limit < usize::MAX).then_some(limit)
    }

    fn number<N: FromStr>(
        &self,
        variable: &str,
        default: N,
        is_right: impl Fn(&N) -> bool,
        problem: &str,
        used: &str,
    ) -> N {
        let Some(value) = self.text(variable) else {
            return default;
        };
        match value.parse().ok().filter(is_right) {
            Some(number) => number,
            None => {
                self.warn(variable, &value, problem, used);
                default
            }
        }
    }
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
