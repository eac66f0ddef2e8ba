//! Where the quota's file is: its path, whether it may be there, and by which clock it is written.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::state::{FileId, Name};

/// The path in a URL, `/var/lib/quota` or `/C:/quota`, as Python's `Path.as_uri` and Node's
/// `pathToFileURL` write it. `None` for one that is not absolute or wrongly escaped.
pub(crate) fn path_of(text: &str) -> Option<PathBuf> {
    let path = unescape(text)?;
    let drive = path.strip_prefix('/').filter(|rest| rest.get(1..3) == Some(":/"));
    let usable = path.starts_with('/') && path.len() > 1 && !path.contains('\0');
    usable.then(|| PathBuf::from(drive.unwrap_or(&path)))
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits =
            part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// What names a file, if it is still the one that the path leads to.
#[cfg(unix)]
pub(super) fn id(file: &fs::File, path: &Path) -> io::Result<Option<FileId>> {
    use std::os::unix::fs::MetadataExt;
    let (here, there) = (file.metadata()?, fs::metadata(path)?);
    let id = |file: &fs::Metadata| (file.dev(), file.ino());
    if id(&here) != id(&there) {
        return Err(io::Error::other("another file keeps taking its place"));
    }
    Ok(Some(id(&here)))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere files have names of their own")]
pub(super) fn id(_: &fs::File, _: &Path) -> io::Result<Option<FileId>> {
    Ok(None)
}

/// Whether slots can be kept in such a file.
pub(super) fn check(file: &fs::File) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    check_links(&metadata)?;
    check_system(file, &metadata)
}

/// By two names it would become two files when one of them is replaced, unseen by the other's users.
#[cfg(unix)]
fn check_links(metadata: &fs::Metadata) -> Result<(), String> {
    match std::os::unix::fs::MetadataExt::nlink(metadata) {
        0 | 1 => Ok(()),
        links => Err(format!("has {links} hard links: delete all but one")),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "links are counted on Unix")]
fn check_links(_: &fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// On a network drive a lock may be nobody else's concern, and each machine has its own clock.
#[cfg(target_os = "linux")]
fn check_system(file: &fs::File, metadata: &fs::Metadata) -> Result<(), String> {
    let system =
        rustix::fs::fstatfs(file).map_err(|error| format!("cannot be examined: {error}"))?;
    let device = std::os::unix::fs::MetadataExt::dev(metadata);
    let name = match i128::from(system.f_type) & 0xFFFF_FFFF {
        FUSE => {
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
            let name = mount_type(&mounts, rustix::fs::major(device), rustix::fs::minor(device));
            name.filter(|name| is_network_mount(name)).map(str::to_owned)
        }
        magic => {
            NETWORKS.iter().find(|(known, _)| *known == magic).map(|(_, name)| (*name).to_owned())
        }
    };
    name.map_or(Ok(()), |name| {
        Err(format!("is on a network drive ({name}): use a folder of this machine, or redis://"))
    })
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "file systems are told apart on Linux")]
fn check_system(_: &fs::File, _: &fs::Metadata) -> Result<(), String> {
    Ok(())
}

#[cfg(target_os = "linux")]
const FUSE: i128 = 0x6573_5546;

/// Network file systems by their numbers in `statfs(2)`.
#[cfg(target_os = "linux")]
const NETWORKS: [(i128, &str); 12] = [
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x0102_1997, "9p"),
    (0x5346_414F, "afs"),
    (0x6B41_4653, "afs"),
    (0x7375_7245, "coda"),
    (0x00C3_6400, "ceph"),
    (0x0BD0_0BD0, "lustre"),
    (0x7461_636F, "ocfs2"),
    (0x0116_1970, "gfs2"),
];

/// The type of the mount of this device, from `/proc/self/mountinfo`.
#[cfg(target_os = "linux")]
fn mount_type(mounts: &str, major: u32, minor: u32) -> Option<&str> {
    let device = format!("{major}:{minor}");
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device))?;
    line.split_once(" - ")?.1.split(' ').next()
}

/// What FUSE carries may be a disk of this machine.
#[cfg(target_os = "linux")]
fn is_network_mount(name: &str) -> bool {
    let networks = ["sshfs", "gluster", "s3fs", "rclone", "gcsfuse", "blobfuse", "ceph", "davfs"];
    let others = ["juicefs", "cifs", "smb", "nfs", "virtiofs", "grpcfuse", "moosefs", "seaweedfs"];
    networks.iter().chain(&others).any(|network| name.contains(network))
}

/// What names the clock: the running kernel, and the time namespace in it.
#[cfg(target_os = "linux")]
pub(super) fn clock() -> Result<Name, String> {
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;

    use crate::quota::file::state::half_of_hash;

    const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
    static BOOT: OnceLock<String> = OnceLock::new();
    // Not `get_or_init`: a process that forks amid that would leave its child waiting for ever.
    if BOOT.get().is_none() {
        let boot = fs::read_to_string(BOOT_ID).map_err(|error| {
            format!(
                "needs {BOOT_ID} to notice a restart of the machine, and it cannot be read \
                 ({error}): allow it (systemd: ProcSubset=all), or use redis://"
            )
        })?;
        BOOT.set(boot).ok();
    }
    // Kernels before 5.6 have no time namespaces.
    let namespace = fs::metadata("/proc/self/ns/time").map_or(0, |file| file.ino());
    let boot = BOOT.get().map_or("", |boot| boot.trim_end());
    Ok(half_of_hash(format!("{boot} {namespace}").as_bytes()))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "clocks have names on Linux")]
pub(super) fn clock() -> Result<Name, String> {
    Ok(Name::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_may_be_escaped() {
        let cases = [
            ("/var/lib/quota", Some("/var/lib/quota")),
            ("/C:/Users/quota", Some("C:/Users/quota")),
            ("/tmp/%E9%85%8D%20a", Some("/tmp/配 a")),
            ("/tmp/配额", Some("/tmp/配额")),
            ("/tmp/100%", None),
            ("/tmp/%+1", None),
            ("/tmp/%ff", None),
            ("/tmp/%00", None),
            ("/", None),
            ("quota", None),
            ("host/quota", None),
        ];
        for (text, path) in cases {
            assert_eq!(path_of(text), path.map(PathBuf::from), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_mounts_are_told_by_their_type() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      40 22 0:52 / /mnt rw,nosuid shared:9 - fuse.sshfs host:/ rw\n\
                      41 22 0:53 / /disk rw - fuse.ntfs-3g /dev/sdb rw\n";
        assert_eq!(mount_type(mounts, 0, 52), Some("fuse.sshfs"));
        assert_eq!(mount_type(mounts, 0, 99), None);
        assert!(is_network_mount("fuse.sshfs") && is_network_mount("virtiofs"));
        assert!(!is_network_mount("fuse.ntfs-3g") && !is_network_mount("fuse.fuse-overlayfs"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_clock_has_one_name() {
        assert_eq!(clock(), clock());
        assert!(clock().is_ok());
    }
}
