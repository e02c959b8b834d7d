//! `keygen`: a key pair for sealed secrets (X25519, DESIGN D10). The private key goes into a file that only its owner
//! reads, the public one is what the database gets.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use crypto_box::SecretKey;
use crypto_box::aead::OsRng;

use super::{CommandError, say};

/// Writes a new private key; an existing file is never overwritten, because what it opens would be lost.
pub fn keygen(file: &Path) -> Result<ExitCode, CommandError> {
    let private = SecretKey::generate(&mut OsRng);
    let failed = |why: std::io::Error| CommandError::File {
        path: file.display().to_string(),
        why: why.to_string(),
    };
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    open.write_all(format!("{}\n", hex(&private.to_bytes())).as_bytes())
        .map_err(failed)?;
    open.sync_all().map_err(failed)?;
    say(&format!("public key: {}", hex(private.public_key().as_bytes())));
    Ok(ExitCode::SUCCESS)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_private_key_is_the_owners_alone_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("keygen-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("key");
        assert!(keygen(&file).is_ok());
        let first = std::fs::read_to_string(&file).unwrap();
        assert_eq!(first.trim().len(), 64);
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(matches!(keygen(&file), Err(CommandError::File { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
