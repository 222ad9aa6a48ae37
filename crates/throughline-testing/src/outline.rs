//! The text form of a tree of spans, and the difference between two such trees.

use opentelemetry::trace::{SpanKind, Status};

use crate::SpanRecord;

const KINDS: [&str; 5] = ["SERVER", "CLIENT", "PRODUCER", "CONSUMER", "INTERNAL"];

/// One line of an outline, with the lines below it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// `None` in an expected tree stands for any service.
    pub(crate) service: Option<String>,
    /// Kind, name and mark.
    pub(crate) label: String,
    pub(crate) children: Vec<Node>,
}

/// The line of a span, without its service.
pub(crate) fn label(span: &SpanRecord) -> String {
    let kind = match span.kind {
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
        SpanKind::Internal => "INTERNAL",
    };
    let mark = match (&span.status, span.error_type()) {
        (Status::Unset, None) => String::new(),
        (Status::Ok, None) => " [ok]".to_owned(),
        (Status::Error { .. }, None) => " [error]".to_owned(),
        (Status::Error { .. }, Some(error_type)) => format!(" [error {error_type}]"),
        (_, Some(error_type)) => format!(" [error.type {error_type}]"),
    };
    format!("{kind} {}{mark}", span.name)
}

/// Reads an outline. An error names the line.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut roots = Vec::new();
    // The last line of each level that is still open, with its indentation.
    let mut open: Vec<(usize, Node)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at_line = |problem: &str| format!("line {}, {:?}: {problem}", index + 1, line.trim());
        let indentation = line.len() - line.trim_start().len();
        let mut closed_deeper = false;
        while open.last().is_some_and(|(above, _)| *above >= indentation) {
            closed_deeper = open.last().is_some_and(|(above, _)| *above > indentation);
            close_last(&mut open, &mut roots);
        }
        if closed_deeper {
            return Err(at_line("its indentation is that of no line above"));
        }
        let node = parse_line(line.trim()).ok_or_else(|| {
            at_line("it needs a kind before the name: SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL")
        })?;
        open.push((indentation, node));
    }
    while !open.is_empty() {
        close_last(&mut open, &mut roots);
    }
    Ok(roots)
}

fn close_last(open: &mut Vec<(usize, Node)>, roots: &mut Vec<Node>) {
    if let Some((_, closed)) = open.pop() {
        let siblings = open
            .last_mut()
            .map_or(roots, |(_, parent)| &mut parent.children);
        siblings.push(closed);
    }
}

fn parse_line(line: &str) -> Option<Node> {
    let begins_with_kind = |text: &str| {
        let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
        KINDS.contains(&kind) && !name.is_empty()
    };
    let (service, label) = match line.split_once(": ") {
        Some((service, label)) if !begins_with_kind(line) => (Some(service.to_owned()), label),
        _ => (None, line),
    };
    begins_with_kind(label).then(|| Node {
        service,
        label: label.to_owned(),
        children: Vec::new(),
    })
}

impl Node {
    fn accepts_line(&self, recorded: &Self) -> bool {
        self.label == recorded.label && (self.service.is_none() || self.service == recorded.service)
    }

    fn accepts(&self, recorded: &Self) -> bool {
        self.accepts_line(recorded)
            && self.children.len() == recorded.children.len()
            && pair(&self.children, &recorded.children)
                .iter()
                .all(Option::is_some)
    }

    fn kind(&self) -> Option<&str> {
        self.label.split(' ').next()
    }
}

/// For each recorded tree the index of the expected one that accepts it, so that as many as
/// possible have one. (The augmenting paths of bipartite matching: an expected line without a
/// service accepts more than one tree, so that first come, first served would fail needlessly.)
fn pair(expected: &[Node], recorded: &[Node]) -> Vec<Option<usize>> {
    let accepted_by: Vec<Vec<usize>> = recorded
        .iter()
        .map(|tree| {
            let accepts = |index: &usize| expected[*index].accepts(tree);
            (0..expected.len()).filter(accepts).collect()
        })
        .collect();
    let mut holder = vec![None; expected.len()];
    for tree in 0..recorded.len() {
        let mut seen = vec![false; expected.len()];
        place(tree, &accepted_by, &mut holder, &mut seen);
    }
    let mut pairs = vec![None; recorded.len()];
    for (index, holder) in holder.into_iter().enumerate() {
        if let Some(tree) = holder {
            pairs[tree] = Some(index);
        }
    }
    pairs
}

fn place(
    tree: usize,
    accepted_by: &[Vec<usize>],
    holder: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &index in &accepted_by[tree] {
        if seen[index] {
            continue;
        }
        seen[index] = true;
        let is_free = match holder[index] {
            None => true,
            Some(other) => place(other, accepted_by, holder, seen),
        };
        if is_free {
            holder[index] = Some(tree);
            return true;
        }
    }
    false
}

/// The two trees laid over each other, or `None` when they are equal.
pub(crate) fn difference(expected: &[Node], recorded: &[Node]) -> Option<String> {
    let mut difference = Difference {
        lines: Vec::new(),
        differs: false,
        with_services: any_service(expected) || several_services(recorded),
    };
    difference.compare(expected, recorded, 0);
    difference.differs.then(|| difference.lines.join("\n"))
}

fn any_service(nodes: &[Node]) -> bool {
    let any = |node: &Node| node.service.is_some() || any_service(&node.children);
    nodes.iter().any(any)
}

fn several_services(nodes: &[Node]) -> bool {
    fn differs(nodes: &[Node], from: &Node) -> bool {
        let differs = |node: &Node| node.service != from.service || differs(&node.children, from);
        nodes.iter().any(differs)
    }
    nodes.first().is_some_and(|first| differs(nodes, first))
}

struct Difference {
    lines: Vec<String>,
    differs: bool,
    with_services: bool,
}

impl Difference {
    fn compare(&mut self, expected: &[Node], recorded: &[Node], depth: usize) {
        let mut pairs = pair(expected, recorded);
        // What accepts no whole tree is laid over one with the same line, else of the same kind.
        pair_rest(&mut pairs, expected, recorded, Node::accepts_line);
        pair_rest(&mut pairs, expected, recorded, |a, b| a.kind() == b.kind());
        for (tree, pair) in recorded.iter().zip(&pairs) {
            let Some(index) = *pair else {
                self.all('+', tree, depth);
                continue;
            };
            let wanted = &expected[index];
            if wanted.accepts_line(tree) {
                self.line(' ', wanted, depth);
            } else {
                self.line('-', wanted, depth);
                self.line('+', tree, depth);
            }
            self.compare(&wanted.children, &tree.children, depth + 1);
        }
        for (index, wanted) in expected.iter().enumerate() {
            if !pairs.contains(&Some(index)) {
                self.all('-', wanted, depth);
            }
        }
    }

    fn all(&mut self, sign: char, node: &Node, depth: usize) {
        self.line(sign, node, depth);
        for child in &node.children {
            self.all(sign, child, depth + 1);
        }
    }

    fn line(&mut self, sign: char, node: &Node, depth: usize) {
        self.differs |= sign != ' ';
        let indentation = "  ".repeat(depth);
        let service = match &node.service {
            Some(service) if self.with_services => format!("{service}: "),
            _ => String::new(),
        };
        let line = format!("{sign} {indentation}{service}{}", node.label);
        self.lines.push(line);
    }
}

fn pair_rest(
    pairs: &mut [Option<usize>],
    expected: &[Node],
    recorded: &[Node],
    fits: fn(&Node, &Node) -> bool,
) {
    for tree in 0..recorded.len() {
        if pairs[tree].is_none() {
            pairs[tree] = (0..expected.len()).find(|index| {
                !pairs.contains(&Some(*index)) && fits(&expected[*index], &recorded[tree])
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares two outlines; `recorded` stands for what a trace would give.
    fn check(expected: &str, recorded: &str, difference: &[&str]) {
        let (expected, recorded) = (parse(expected).unwrap(), parse(recorded).unwrap());
        let found = super::difference(&expected, &recorded).unwrap_or_default();
        assert_eq!(found.lines().collect::<Vec<_>>(), difference);
    }

    #[test]
    fn equal_trees_do_not_differ() {
        check("", "", &[]);
        check("SERVER a\n  CLIENT b", "SERVER a\n CLIENT b", &[]);
        check(
            "\n      SERVER a\n        CLIENT b\n  ",
            "SERVER a\n  CLIENT b",
            &[],
        );
        check("SERVER a\nSERVER b", "SERVER b\nSERVER a", &[]);
        check("CLIENT a: b", "CLIENT a: b", &[]);
    }

    #[test]
    fn a_line_without_service_accepts_any() {
        check("SERVER a", "x: SERVER a", &[]);
        check("x: SERVER a", "x: SERVER a", &[]);
        check("SERVER a\nx: SERVER a", "x: SERVER a\ny: SERVER a", &[]);
        check("x: SERVER a\nSERVER a", "x: SERVER a\ny: SERVER a", &[]);
        check(
            "x: SERVER a",
            "y: SERVER a",
            &["- x: SERVER a", "+ y: SERVER a"],
        );
        check("x: SERVER a", "SERVER a", &["- x: SERVER a", "+ SERVER a"]);
    }

    #[test]
    fn siblings_that_look_alike_are_told_apart_by_what_is_below() {
        let one = "CLIENT a\n  SERVER b\nCLIENT a\n  SERVER c";
        let other = "CLIENT a\n  SERVER c\nCLIENT a\n  SERVER b";
        check(one, other, &[]);
        let third = "CLIENT a\n  SERVER c\nCLIENT a\n  SERVER d";
        let difference = [
            "  CLIENT a",
            "    SERVER c",
            "  CLIENT a",
            "-   SERVER b",
            "+   SERVER d",
        ];
        check(one, third, &difference);
    }

    #[test]
    fn a_difference_keeps_what_is_equal() {
        check("SERVER a", "", &["- SERVER a"]);
        check("", "SERVER a\n  CLIENT b", &["+ SERVER a", "+   CLIENT b"]);
        check(
            "SERVER a\n  CLIENT b\n    SERVER c\n  INTERNAL d",
            "SERVER a [error 500]\n  CLIENT b\n    SERVER c [error]\n  PRODUCER e",
            &[
                "- SERVER a",
                "+ SERVER a [error 500]",
                "    CLIENT b",
                "-     SERVER c",
                "+     SERVER c [error]",
                "+   PRODUCER e",
                "-   INTERNAL d",
            ],
        );
        check(
            "SERVER a\n  SERVER b",
            "x: SERVER a\n  y: SERVER c",
            &["  SERVER a", "-   SERVER b", "+   y: SERVER c"],
        );
    }

    #[test]
    fn a_wrong_outline_is_explained() {
        let check = |text: &str, problem: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{error}");
        };
        check("SERVER a\n  GET /x", "line 2, \"GET /x\": it needs a kind");
        check("server a", "line 1, \"server a\": it needs a kind");
        check(
            "SERVER",
            "line 1, \"SERVER\": it needs a kind before the name",
        );
        check("x: GET", "line 1, \"x: GET\": it needs a kind");
        check(
            "SERVER a\n    CLIENT b\n  CLIENT c",
            "line 3, \"CLIENT c\": its indentation",
        );
        check(
            "  SERVER a\nSERVER b",
            "line 2, \"SERVER b\": its indentation",
        );
    }
}
