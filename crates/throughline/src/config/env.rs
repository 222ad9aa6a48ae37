//! Reading variables by the specification's rules:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// A variable with a value that cannot be followed, and what is used instead. Prints as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigWarning {
    /// The variable.
    pub variable: String,
    /// Its value as it was written; of a list, the part that is wrong.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is used instead.
    pub used: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            value,
            problem,
            used,
        } = self;
        write!(f, "{variable}: {value:?} {problem}; instead: {used}")
    }
}

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

    pub(super) fn warn(&self, variable: &str, value: &str, problem: &str, used: &str) {
        let warning = ConfigWarning {
            variable: variable.to_owned(),
            value: value.to_owned(),
            problem: problem.to_owned(),
            used: used.to_owned(),
        };
        let mut warnings = self.warnings.borrow_mut();
        // Both signals read the generic variables.
        if !warnings.contains(&warning) {
            warnings.push(warning);
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
        let problem = "is no number of milliseconds above 0";
        self.duration(variable, default, is_right, problem)
    }

    /// A duration in milliseconds.
    pub(super) fn milliseconds_or_0(&self, variable: &str, default: Duration) -> Duration {
        self.duration(variable, default, |_| true, "is no number of milliseconds")
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

    /// A limit; none where the variable is not set.
    pub(super) fn limit(&self, variable: &str) -> Option<usize> {
        let problem = "is no number";
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
