//! A Python of our own, with the receivers' packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo;

/// The packages and their versions.
pub(super) const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A virtual environment that has the packages.
pub(super) struct Python {
    pub(super) program: PathBuf,
    /// Where its packages are.
    pub(super) packages: PathBuf,
    /// Where its shared library is.
    pub(super) libraries: PathBuf,
}

impl Python {
    /// Makes the environment in `folder`, unless it is there already.
    pub(super) fn prepare(base: &Path, folder: &Path) -> Result<Self> {
        let program = folder.join("bin/python");
        let installed = folder.join("installed.txt");
        let is_ready = cargo::is_installed(Command::new(&program).arg("--version"))
            && fs::read_to_string(&installed).is_ok_and(|list| list == REQUIREMENTS);
        if !is_ready {
            make(base, folder, &program)?;
            fs::write(&installed, REQUIREMENTS)?;
        }
        let folder_of = |expression: &str| -> Result<PathBuf> {
            let script = format!("import sysconfig; print(sysconfig.{expression})");
            let printed = cargo::output(Command::new(&program).args(["-c", &script]))?;
            Ok(printed.trim().into())
        };
        Ok(Self {
            packages: folder_of("get_path('platlib')")?,
            libraries: folder_of("get_config_var('LIBDIR')")?,
            program,
        })
    }
}

fn make(base: &Path, folder: &Path, program: &Path) -> Result<()> {
    cargo::run(
        Command::new(base)
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )
    .context(
        "NOTHING WAS CHECKED: Python 3 with its module venv is missing (--python names another)",
    )?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    // Nothing is built here: a package without a wheel for this machine is missing, which is said.
    let install = "-m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --requirement";
    cargo::run(
        Command::new(program)
            .args(install.split(' '))
            .arg(requirements),
    )
    .context(
        "NOTHING WAS CHECKED: the receivers' packages cannot be installed: no network, or none for this Python (pip's \
         message is above, the packages are in xtask/src/interop/requirements.txt)",
    )
}
