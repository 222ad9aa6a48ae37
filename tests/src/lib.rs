//! Home of the tests that span crates; the examples of the README are compiled as tests of its documentation.
#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
