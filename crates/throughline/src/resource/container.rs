//! `container.id`: semantic conventions, "Container".

use opentelemetry::KeyValue;

use super::kubernetes;
use super::surroundings::Surroundings;

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    let id = id(surroundings);
    id.map(|id| KeyValue::new("container.id", id))
        .into_iter()
        .collect()
}

/// Whether the files of this process are those of an image.
pub(super) fn is_inside(surroundings: &Surroundings) -> bool {
    ["run/.containerenv", ".dockerenv"]
        .into_iter()
        .any(|mark| surroundings.exists(mark))
        || kubernetes::is_inside(surroundings)
        || id(surroundings).is_some()
}

fn id(surroundings: &Surroundings) -> Option<String> {
    let of_cgroup = || id_of_cgroup(&surroundings.read("proc/self/cgroup")?);
    let of_mounts = || {
        // In a pod these files belong to its sandbox, which is another container.
        if kubernetes::is_inside(surroundings) {
            return None;
        }
        id_of_mounts(&surroundings.read("proc/self/mountinfo")?)
    };
    of_cgroup().or_else(of_mounts)
}

/// From cgroups(7), version 1, or version 2 where the namespace is the host's: the last part of a path that is an id.
fn id_of_cgroup(cgroups: &str) -> Option<String> {
    cgroups.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.rsplit('/').find_map(id_in)
    })
}

/// `<id>`, `docker-<id>.scope`, `cri-containerd:<id>` and the like.
fn id_in(part: &str) -> Option<String> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    // The process that watches a container is in a group of its own.
    if part.contains("conmon") {
        return None;
    }
    if is_of_fargate(part) {
        return Some(part.to_owned());
    }
    let id = part.rsplit(['-', ':']).next()?;
    is_id(id).then(|| id.to_owned())
}

/// From `proc_pid_mountinfo(5)`: Docker and Podman mount a file from a folder that is named for the container.
fn id_of_mounts(mounts: &str) -> Option<String> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (source, target) = (fields.next()?, fields.next()?);
        if !matches!(target, "/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf") {
            return None;
        }
        let (_, rest) = source
            .rsplit_once("/overlay-containers/")
            .or_else(|| source.rsplit_once("/containers/"))?;
        let (id, _) = rest.split_once('/')?;
        is_id(id).then(|| id.to_owned())
    })
}

fn is_id(id: &str) -> bool {
    id.len() == 64 && is_hex(id)
}

/// AWS Fargate has ids of its own: that of the task, and a number.
fn is_of_fargate(id: &str) -> bool {
    let parts = id.split_once('-');
    parts.is_some_and(|(task, number)| {
        task.len() == 32
            && is_hex(task)
            && (8..=10).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6e8fb7a5c1d24c3a9f0b1e2d3c4b5a69788796a5b4c3d2e1f00112233445566a";
    const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

    #[test]
    fn the_id_is_found_in_the_control_groups_of_every_runtime() {
        let check = |line: &str, expected: Option<&str>| {
            let line = line.replace("ID", ID).replace("OTHER", OTHER);
            assert_eq!(id_of_cgroup(&line).as_deref(), expected, "{line}");
        };
        const POD: &str = "pod2f8a1c3e_6b71_4a0e_9f52_1d6c0a7b3e11";
        for line in [
            "12:cpu,cpuacct:/docker/ID",
            "1:name=systemd:/docker/OTHER/docker/ID",
            "0::/system.slice/docker-ID.scope",
            "0::/system.slice/docker-ID.scope/init.scope",
            "0::/machine.slice/libpod-ID.scope/container",
            "3:memory:/kubepods/burstable/pod2f8a1c3e-6b71-4a0e-9f52-1d6c0a7b3e11/ID",
            &format!("1:cpu:/kubepods.slice/kubepods-{POD}.slice/cri-containerd-ID.scope"),
            &format!("1:cpu:/kubepods.slice/kubepods-{POD}.slice/crio-ID.scope"),
            &format!(
                "1:cpu:/system.slice/containerd.service/kubepods-{POD}.slice:cri-containerd:ID"
            ),
            "9:perf_event:/ecs/cd189a933e5849daa93386466019ab50/ID",
            "2:cpu:/\n1:cpu:/docker/ID",
        ] {
            check(line, Some(ID));
        }
        let fargate = "cd189a933e5849daa93386466019ab50-2495160603";
        check(
            &format!("9:cpu:/ecs/cd189a933e5849daa93386466019ab50/{fargate}"),
            Some(fargate),
        );
        for line in [
            "",
            "0::/",
            "no control group",
            "0::/user.slice/user-1000.slice/session-3.scope",
            "0::/machine.slice/libpod-conmon-ID.scope",
            "0::/system.slice/crio-conmon-ID.scope",
            "0::/docker/IDID",
            "4:memory:/api/666d2762a6fcec1426fed5d477d727aa",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn the_id_is_found_in_the_mounts_of_docker_and_podman_only() {
        let check = |source: &str, target: &str, expected: Option<&str>| {
            let source = source.replace("ID", ID);
            let line = format!("742 710 253:0 {source} {target} rw,relatime - ext4 /dev/sda1 rw");
            assert_eq!(id_of_mounts(&line).as_deref(), expected, "{line}");
        };
        for source in [
            "/var/lib/docker/containers/ID/hostname",
            "/containers/ID/hostname",
            "/docker/volumes/minikube/_data/lib/docker/containers/ID/hostname",
            "/containers/storage/overlay-containers/ID/userdata/hostname",
        ] {
            check(source, "/etc/hostname", Some(ID));
            check(source, "/data", None);
        }
        for source in [
            "/",
            "/var/lib/docker/containers/short/hostname",
            "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/ID/hostname",
            "/var/lib/docker/volumes/ID/hostname",
        ] {
            check(source, "/etc/hostname", None);
        }
    }
}
