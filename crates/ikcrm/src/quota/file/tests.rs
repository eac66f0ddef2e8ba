//! The file for real: who may have it, who waits for it, what happens to it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::*;

const LIMIT: Limit = Limit { calls: NonZeroUsize::new(3).unwrap(), per: Duration::from_secs(60) };
const HOLD: Duration = Duration::from_secs(90);

/// A folder of the test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir()
            .join(format!("ikcrm-{:x}", u128::from_le_bytes(random().unwrap())));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("quota")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn store(path: PathBuf) -> FileStore {
    FileStore::new(path, "one")
}

fn take(store: &FileStore, id: u64) -> Result<Taken, StoreError> {
    store.take(Request { id, hold: HOLD, ahead: 0 }, LIMIT)
}

/// Whether nobody passes for about as long as a slot is held: a timeout, late, and a window.
fn is_blocked(taken: &Result<Taken, StoreError>) -> bool {
    matches!(taken, Ok(Taken::Busy(wait)) if wait.as_secs_f64() > 95.0)
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    assert_eq!(take(&store(folder.path()), 1), Ok(Taken::Slot));
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_a_file_is_told_and_does_not_pass() {
    let folder = Folder::new();
    let missing = store(folder.0.join("none/quota")).usage(LIMIT, 0).unwrap_err();
    assert!(
        !missing.retryable && missing.message.contains("create its folder first"),
        "{missing:?}"
    );
    let file = store(folder.0.clone()).usage(LIMIT, 0).unwrap_err();
    assert!(!file.retryable && file.message.contains("the quota's file"), "{file:?}");
    let device = store(PathBuf::from("/dev/null")).usage(LIMIT, 0).unwrap_err();
    assert!(!device.retryable && device.message.contains("is not a regular file"), "{device:?}");
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_told() {
    let folder = Folder::new();
    let store = store(folder.path());
    assert_eq!(take(&store, 1), Ok(Taken::Slot));
    let held = store.lock().unwrap();
    let error = take(&store, 2).unwrap_err();
    assert!(error.retryable && error.message.contains("locked by another program"), "{error:?}");
    drop(held);
    assert_eq!(take(&store, 2), Ok(Taken::Slot));
}

#[test]
fn a_descriptor_that_a_child_inherited_does_not_hold_the_lock() {
    let folder = Folder::new();
    let store = store(folder.path());
    let locked = store.lock().unwrap();
    let inherited = locked.file.try_clone().unwrap();
    drop(locked);
    assert_eq!(take(&store, 1), Ok(Taken::Slot));
    drop(inherited);
}

#[test]
fn a_file_that_is_gone_emptied_replaced_or_damaged_blocks_who_used_it() {
    type Attack = fn(&Path, &Path);
    let attacks: [(&str, Attack); 6] = [
        ("deleted", |path, _| fs::remove_file(path).unwrap()),
        ("emptied", |path, _| fs::write(path, "").unwrap()),
        ("damaged", |path, _| fs::write(path, "garbage").unwrap()),
        ("torn", |path, _| {
            let mut bytes = fs::read(path).unwrap();
            bytes.truncate(bytes.len() - 1);
            fs::write(path, bytes).unwrap();
        }),
        ("replaced by an older copy", |path, copy| fs::rename(copy, path).unwrap()),
        ("overwritten by an older copy", |path, copy| {
            fs::copy(copy, path).unwrap();
        }),
    ];
    for (name, attack) in attacks {
        let folder = Folder::new();
        let (one, other) = (store(folder.path()), store(folder.path()));
        assert_eq!(take(&one, 1), Ok(Taken::Slot));
        let copy = folder.0.join("copy");
        fs::copy(folder.path(), &copy).unwrap();
        assert_eq!(take(&other, 2), Ok(Taken::Slot));
        assert_eq!(take(&one, 3), Ok(Taken::Slot));
        assert_eq!(one.warnings(), []);
        attack(&folder.path(), &copy);
        assert!(is_blocked(&take(&one, 4)), "{name}");
        assert_eq!(one.warnings(), [Warning::Lost], "{name}");
        assert!(is_blocked(&take(&other, 5)), "{name}");
        assert!(is_blocked(&take(&store(folder.path()), 6)), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_second_name_is_refused_until_it_is_gone() {
    let folder = Folder::new();
    let store = store(folder.path());
    assert_eq!(take(&store, 1), Ok(Taken::Slot));
    let link = folder.0.join("link");
    fs::hard_link(folder.path(), &link).unwrap();
    let error = take(&store, 2).unwrap_err();
    assert!(!error.retryable && error.message.contains("hard links"), "{error:?}");
    fs::remove_file(link).unwrap();
    assert_eq!(take(&store, 2), Ok(Taken::Slot));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_leads_to_the_same_slots() {
    let folder = Folder::new();
    let link = folder.0.join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    assert_eq!(take(&store(link), 1), Ok(Taken::Slot));
    assert_eq!(store(folder.path()).usage(LIMIT, 0).unwrap().0, 1);
}

#[test]
fn many_begin_at_once() {
    let folder = Folder::new();
    let slots = thread::scope(|scope| {
        let takers: Vec<_> = (0..8)
            .map(|id| (store(folder.path()), id))
            .map(|(store, id)| scope.spawn(move || take(&store, id).unwrap() == Taken::Slot))
            .collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).filter(|slot| *slot).count()
    });
    assert_eq!(slots, 3);
}
