//! What a program and all that it has started take: time on a core, and memory.

use std::collections::HashMap;
use std::time::Duration;

use procfs::process::{Stat, all_processes};

/// What was taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Time on a core, that of its children which have ended included.
    pub computed: Duration,
    /// What it holds at this moment.
    pub memory_mb: u64,
}

impl Usage {
    /// Of the process `root` and whatever it has started; nothing where the system does not tell.
    pub fn of(root: u32) -> Usage {
        let Ok(all) = all_processes() else { return Usage::default() };
        let stats: Vec<Stat> = all.flatten().filter_map(|one| one.stat().ok()).collect();
        of_tree(&stats, root.cast_signed())
    }
}

fn of_tree(stats: &[Stat], root: i32) -> Usage {
    let mut children: HashMap<i32, Vec<&Stat>> = HashMap::new();
    stats.iter().for_each(|stat| children.entry(stat.ppid).or_default().push(stat));
    let mut open: Vec<&Stat> = stats.iter().filter(|stat| stat.pid == root).collect();
    let (mut ticks, mut pages) = (0, 0);
    while let Some(stat) = open.pop() {
        ticks += stat.utime + stat.stime;
        // Those of its children that have ended, as far as it has looked.
        ticks += u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
        pages += stat.rss;
        open.extend(children.get(&stat.pid).into_iter().flatten());
    }
    let per_second = procfs::ticks_per_second().max(1);
    Usage {
        computed: Duration::from_millis(ticks * 1000 / per_second),
        memory_mb: (pages * procfs::page_size()) >> 20,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::time::Instant;

    use super::*;

    /// A shell whose child does it.
    fn child_of_shell(what: &str) -> Child {
        Command::new("sh").args(["-c", &format!("( {what} ); exit 0")]).spawn().unwrap()
    }

    fn ends(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn what_is_computed_below_counts_and_what_only_waits_does_not() {
        let busy = child_of_shell("i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done");
        let idle = child_of_shell("sleep 20");
        let start = Instant::now();
        let enough = Duration::from_millis(200);
        while Usage::of(busy.id()).computed < enough {
            assert!(start.elapsed() < Duration::from_secs(60), "a busy child counts as nothing");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(Usage::of(idle.id()).computed < enough);
        assert!(Usage::of(busy.id()).memory_mb < 500);
        ends(busy);
        ends(idle);
    }

    #[test]
    fn who_is_gone_takes_nothing() {
        let mut child = Command::new("true").spawn().unwrap();
        let id = child.id();
        child.wait().unwrap();
        assert_eq!(Usage::of(id), Usage::default());
    }
}
