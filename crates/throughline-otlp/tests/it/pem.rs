//! Certificates and keys that cannot be used are refused before anything is sent, with their path and without their
//! content.

use std::path::PathBuf;

use throughline_otlp::otlp::{ClientIdentity, OtlpConfig, Pem};

use crate::certificates::Authority;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: &str) -> Pem {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        Pem::path(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is small.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config(ca: Option<Pem>, client: Option<(Pem, Pem)>) -> OtlpConfig {
    let mut config = OtlpConfig::new("https://127.0.0.1:4318/v1/traces");
    config.tls.ca = ca;
    config.tls.client = client.map(|(certificate, key)| ClientIdentity::new(certificate, key));
    config
}

#[test]
fn files_that_fit_are_taken() {
    let folder = Folder::new("throughline-pem-good");
    let (authority, issued) = (Authority::new("any"), Authority::new("any").client());
    let ca = folder.file("ca.pem", &authority.pem());
    let client = (
        folder.file("client.pem", &issued.certificate),
        folder.file("client.key", &issued.key),
    );
    assert_eq!(config(Some(ca), Some(client)).validate(), Ok(()));
    assert_eq!(
        config(None, None).validate(),
        Ok(()),
        "the system's authorities"
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_path() {
    let folder = Folder::new("throughline-pem-bad");
    let issued = Authority::new("any").client();
    let other = Authority::new("any").client();
    let good = folder.file("good.pem", &issued.certificate);
    let key = folder.file("good.key", &issued.key);
    let check = |config: OtlpConfig, expected: &str| {
        let error = config.validate().unwrap_err().to_string();
        let shown = error.replace(folder.0.to_str().unwrap(), "");
        assert_eq!(shown, expected);
        let debug = format!("{config:?}");
        assert!(!debug.contains("PRIVATE"), "{debug}");
    };
    let ca = |ca: &Pem| config(Some(ca.clone()), None);
    let client =
        |certificate: &Pem, key: &Pem| config(None, Some((certificate.clone(), key.clone())));

    let missing = Pem::path(folder.0.join("missing.pem"));
    let not_there = "cannot be used: No such file or directory (os error 2)";
    check(
        ca(&missing),
        &format!("the CA certificate (/missing.pem) {not_there}"),
    );
    check(
        client(&missing, &key),
        &format!("the client certificate (/missing.pem) {not_there}"),
    );
    check(
        client(&good, &missing),
        &format!("the key of the client certificate (/missing.pem) {not_there}"),
    );

    let no_certificate = "cannot be used: there is no certificate (PEM) in it";
    check(
        ca(&key),
        &format!("the CA certificate (/good.key) {no_certificate}"),
    );
    check(
        client(&folder.file("empty", ""), &key),
        &format!("the client certificate (/empty) {no_certificate}"),
    );
    check(
        client(&good, &good),
        "the key of the client certificate (/good.pem) cannot be used: there is no private key (PEM, not encrypted) in it",
    );

    let half = &issued.key[..issued.key.len() / 2];
    check(
        client(&good, &folder.file("half.key", half)),
        "the key of the client certificate (/half.key) cannot be used: it ends before an END line",
    );
    let garbled = issued.certificate.replace('M', "*");
    check(
        ca(&folder.file("garbled.pem", &garbled)),
        "the CA certificate (/garbled.pem) cannot be used: it is not base64 between BEGIN and END",
    );
    check(
        client(&good, &folder.file("other.key", &other.key)),
        "the key of the client certificate (/other.key) cannot be used: it does not belong to the client certificate \
         (/good.pem)",
    );
    let in_memory = Pem::bytes("PRIVATE KEY");
    check(
        client(&in_memory, &in_memory),
        &format!("the client certificate (given in memory) {no_certificate}"),
    );
}

#[test]
fn debug_shows_paths_and_sizes_only() {
    let client = (Pem::path("/etc/client.pem"), Pem::bytes("secret"));
    let shown = format!("{:?}", config(None, Some(client)).tls);
    assert_eq!(
        shown,
        "TlsConfig { ca: None, client: Some(ClientIdentity { certificate: \"/etc/client.pem\", key: (6 bytes) }) }"
    );
}
