//! Lock cycles are reported, with all threads and lines; what is merely slow is not.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::thread::{self, JoinHandle};
use raftlab::labsync::{Failure, Instant, Mutex};
use raftlab::runner::LabTest;

use crate::support::{Lines, Meeting, passes, report, work_for};

pub const TESTS: &[LabTest] = lab_tests![
    test_cycle_of_two,
    test_cycle_of_three_with_a_bystander,
    test_a_cycle_of_the_body,
    test_a_lock_held_long_is_no_deadlock,
    test_a_chain_of_waits_is_no_deadlock,
    test_locks_handed_round_are_no_deadlock,
    test_an_order_reversed_in_time_is_no_deadlock,
    test_reversed_orders_that_never_meet_are_no_deadlock,
];

/// Some threads around some locks.
#[derive(Clone)]
struct Table {
    lines: Lines,
    locks: Arc<[Mutex<()>; 5]>,
    meeting: Arc<Meeting>,
}

impl Table {
    fn of(threads: usize, lines: &Lines) -> Table {
        Table { lines: lines.clone(), locks: Arc::default(), meeting: Meeting::of(threads) }
    }

    fn spawn(
        &self,
        name: impl Into<String>,
        body: impl FnOnce(&Table) + Send + 'static,
    ) -> JoinHandle<()> {
        let table = self.clone();
        thread::spawn(name, move || body(&table))
    }

    /// Takes a lock, at the caller's line, and gives it back, once all are at this point.
    #[track_caller]
    fn meet_and_lock(&self, lock: usize) {
        self.meeting.meet();
        drop(self.locks[lock].lock());
    }
}

/// The report has all threads of the circle, in which each wants the lock of the next, with all
/// lines, and nothing else.
fn check_cycle(failure: &Failure, lines: &Lines, circle: &[&str]) {
    let message = &failure.message;
    let head = format!("deadlock: {} threads wait for each other's locks:\n", circle.len());
    lines.check(message, &head);
    for (name, next) in circle.iter().zip(circle.iter().cycle().skip(1)) {
        let wants = format!("'{name}' wants at {{{name} wants}}");
        lines.check(
            message,
            &format!("\n  {wants} the lock that '{next}' took at {{{next} takes}}"),
        );
    }
    assert_eq!(message.lines().count(), 1 + circle.len() + 1, "{message}");
    assert!(circle.contains(&failure.thread.as_str()), "reported by one of them: {failure}");
    lines.check_at(failure, &format!("{} wants", failure.thread));
}

pub fn test_cycle_of_two() {
    let (failure, lines) = report(|lines| {
        let table = Table::of(2, lines);
        let left = table.spawn("left", |table| {
            table.lines.next("left takes");
            let _own = table.locks[0].lock();
            table.lines.next("left wants");
            table.meet_and_lock(1);
        });
        let right = table.spawn("right", |table| {
            table.lines.next("right takes");
            let _own = table.locks[1].lock();
            table.lines.next("right wants");
            table.meet_and_lock(0);
        });
        left.join();
        right.join();
    });
    check_cycle(&failure, &lines, &["left", "right"]);
}

/// A fourth thread wants a lock of the circle, but nobody wants one of its own.
pub fn test_cycle_of_three_with_a_bystander() {
    let (failure, lines) = report(|lines| {
        let table = Table::of(4, lines);
        table.spawn("one", |table| {
            table.lines.next("one takes");
            let _own = table.locks[1].lock();
            table.lines.next("one wants");
            table.meet_and_lock(2);
        });
        table.spawn("two", |table| {
            table.lines.next("two takes");
            let _own = table.locks[2].lock();
            table.lines.next("two wants");
            table.meet_and_lock(3);
        });
        table.spawn("three", |table| {
            table.lines.next("three takes");
            let _own = table.locks[3].lock();
            table.lines.next("three wants");
            table.meet_and_lock(1);
        });
        let bystander = table.spawn("bystander", |table| {
            let _own = table.locks[0].lock();
            table.meet_and_lock(1);
        });
        bystander.join();
    });
    check_cycle(&failure, &lines, &["one", "two", "three"]);
}

/// Its thread is one as any other.
pub fn test_a_cycle_of_the_body() {
    let (failure, lines) = report(|lines| {
        let table = Table::of(2, lines);
        lines.next("body takes");
        let _own = table.locks[0].lock();
        table.spawn("other", |table| {
            table.lines.next("other takes");
            let _own = table.locks[1].lock();
            table.lines.next("other wants");
            table.meet_and_lock(0);
        });
        lines.next("body wants");
        table.meet_and_lock(1);
    });
    check_cycle(&failure, &lines, &["body", "other"]);
}

pub fn test_a_lock_held_long_is_no_deadlock() {
    passes(|| {
        let table = Table::of(2, &Lines::default());
        let waiting = table.spawn("waiting", |table| table.meet_and_lock(0));
        let guard = table.locks[0].lock();
        table.meeting.meet();
        work_for(Duration::from_millis(600));
        drop(guard);
        waiting.join();
    });
}

/// Each waits, with a lock held, for the next; the last one works.
pub fn test_a_chain_of_waits_is_no_deadlock() {
    passes(|| {
        const LINKS: usize = 4;
        let table = Table::of(LINKS + 1, &Lines::default());
        let link = |i: usize| {
            table.spawn(format!("link {i}"), move |table| {
                let _own = table.locks[i].lock();
                table.meet_and_lock(i + 1);
            })
        };
        let handles: Vec<_> = (0..LINKS).map(link).collect();
        let last = table.locks[LINKS].lock();
        table.meeting.meet();
        work_for(Duration::from_millis(450));
        drop(last);
        handles.into_iter().for_each(JoinHandle::join);
    });
}

/// All take the locks in one order and keep them for long; somebody waits all the time.
pub fn test_locks_handed_round_are_no_deadlock() {
    passes(|| {
        let table = Table::of(4, &Lines::default());
        let end = Instant::now() + Duration::from_secs(1);
        let round = |i: usize| {
            table.spawn(format!("thread {i}"), move |table| {
                while Instant::now() < end {
                    let _first = table.locks[i % 2].lock();
                    let _last = table.locks[2].lock();
                    work_for(Duration::from_millis(15));
                }
            })
        };
        let handles: Vec<_> = (0..4).map(round).collect();
        handles.into_iter().for_each(JoinHandle::join);
    });
}

/// Each waits long for what the other held: but the owner gives its lock back, and only then
/// wants the waiter's. What the waiter has seen of the owner is old by then, and while a third
/// thread comes first, nobody has looked again.
pub fn test_an_order_reversed_in_time_is_no_deadlock() {
    passes(|| {
        const WANTED: usize = 0;
        const OWN: usize = 1;
        let table = Table::of(3, &Lines::default());
        let first = table.spawn("comes first", |table| {
            table.meeting.meet();
            let _guard = table.locks[WANTED].lock();
            work_for(Duration::from_millis(150));
        });
        let waiter = table.spawn("waiter", |table| {
            let _own = table.locks[OWN].lock();
            table.meeting.meet();
            work_for(Duration::from_millis(20));
            let _wanted = table.locks[WANTED].lock();
        });
        let guard = table.locks[WANTED].lock();
        table.meeting.meet();
        work_for(Duration::from_millis(60));
        drop(guard);
        let guard = table.locks[OWN].lock(); // the waiter's, which waits for the one that is first
        drop(guard);
        first.join();
        waiter.join();
    });
}

/// The two orders are not used at the same time, since a third lock is taken before.
pub fn test_reversed_orders_that_never_meet_are_no_deadlock() {
    passes(|| {
        const GATE: usize = 2;
        let table = Table::of(2, &Lines::default());
        let spawn = |name: &str, order: [usize; 2]| {
            table.spawn(name, move |table| {
                for _ in 0..8 {
                    let _gate = table.locks[GATE].lock();
                    let _first = table.locks[order[0]].lock();
                    let _second = table.locks[order[1]].lock();
                    work_for(Duration::from_millis(15));
                }
            })
        };
        let handles = [spawn("there", [0, 1]), spawn("back", [1, 0])];
        handles.into_iter().for_each(JoinHandle::join);
    });
}
