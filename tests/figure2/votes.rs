//! Part A: to whom n0 gives its vote, and what it does with the votes of others (§5.2).

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_votes_once_per_term_2a,
    test_repeats_its_vote_2a,
    test_votes_anew_in_each_term_2a,
    test_refuses_votes_of_old_terms_2a,
    test_candidate_votes_for_itself_2a,
    test_leader_keeps_its_vote_2a,
    test_stepping_down_keeps_the_vote_2a,
    test_campaign_is_in_a_new_term_and_asks_everybody_2a,
    test_who_has_refused_is_asked_again_2a,
    test_majority_of_votes_makes_a_leader_2a,
    test_half_of_the_votes_makes_no_leader_2a,
    test_votes_do_not_add_up_over_terms_2a,
    test_votes_of_an_earlier_term_do_not_count_2a,
    test_votes_do_not_count_after_a_newer_term_2a,
    test_votes_do_not_count_for_a_follower_2a,
    test_refusals_are_no_votes_2a,
    test_refusal_ends_no_campaign_2a,
    test_vote_counts_the_entry_that_replaced_another_2b,
];

const EMPTY: EntryAt = (0, 0);

pub fn test_votes_once_per_term_2a() {
    let s = Stage::new(3, "Figure 2, RequestVote, receiver 2: a server votes once in a term");
    s.grants(1, vote(1, EMPTY));
    s.denies(2, vote(1, EMPTY));
    s.denies(2, vote(1, EMPTY));
    s.follows_in(1);
}

pub fn test_repeats_its_vote_2a() {
    let s = Stage::new(
        3,
        "Figure 2, RequestVote, receiver 2: whoever has the vote gets it again when it asks \
         again",
    );
    s.grants(1, vote(1, EMPTY));
    s.grants(1, vote(1, EMPTY));
    s.denies(2, vote(1, EMPTY));
    s.grants(1, vote(1, EMPTY));
}

pub fn test_votes_anew_in_each_term_2a() {
    let s = Stage::new(
        3,
        "Figure 2, state: votedFor belongs to the current term: a new term, a new vote",
    );
    for (candidate, term) in [(1, 1), (2, 2), (1, 3), (2, 7)] {
        s.grants(candidate, vote(term, EMPTY));
        s.follows_in(term);
    }
}

pub fn test_refuses_votes_of_old_terms_2a() {
    let s = Stage::new(3, "Figure 2, RequestVote, receiver 1: no vote for a term that is over");
    s.accepts(2, heartbeat(5)); // in term 5 it has not voted yet
    for term in [4, 1] {
        let reply = s.denies(2, vote(term, EMPTY));
        s.check(reply.term == 5, "the reply tells of term 5", format!("of term {}", reply.term));
    }
    s.follows_in(5);
    s.grants(2, vote(5, EMPTY));
}

pub fn test_candidate_votes_for_itself_2a() {
    let s =
        Stage::new(3, "Figure 2, candidates: a candidate votes for itself, and so for nobody else");
    for _ in 0..2 {
        let campaign = s.campaign();
        s.denies(1, vote(campaign.term, EMPTY));
        s.denies(2, vote(campaign.term, EMPTY));
    }
}

pub fn test_leader_keeps_its_vote_2a() {
    let s = Stage::new(5, "Figure 2, RequestVote, receiver 2: a leader has voted, for itself");
    let term = s.elect_obeyed();
    s.denies(1, vote(term, EMPTY));
    s.denies(2, vote(term, EMPTY));
    s.leads_in(term);
}

pub fn test_stepping_down_keeps_the_vote_2a() {
    let s = Stage::new(
        5,
        "Figure 2, RequestVote, receiver 2: stepping down in a term gives the vote of that term \
         to nobody else",
    );
    let campaign = s.campaign();
    s.accepts(1, heartbeat(campaign.term)); // n1 has won
    s.denies(2, vote(campaign.term, EMPTY));
    let next = campaign.term + 1;
    s.grants(2, vote(next, EMPTY));
    s.accepts(1, heartbeat(next));
    s.denies(3, vote(next, EMPTY));
    s.denies(1, vote(next, EMPTY));
}

pub fn test_campaign_is_in_a_new_term_and_asks_everybody_2a() {
    let s = Stage::new(5, "Figure 2, candidates: raise the term, ask all others for their votes");
    s.grants(1, vote(4, EMPTY));
    let mut before = 4;
    for _ in 0..3 {
        let mark = s.mark();
        let campaign = s.campaign();
        let term = campaign.term;
        s.check(term == before + 1, format!("term {}", before + 1), format!("term {term}"));
        s.check(campaign.last == EMPTY, "last entry 0@0", format!("{:?}", campaign.last));
        // Asked in parallel, although nobody answers.
        let asked = s.sent_since(mark).into_iter().filter(|sent| sent.rpc.term() == term);
        let late = asked.map(|sent| sent.at - campaign.at).max().unwrap_or_default();
        let expected = "all are asked at once, without waiting for each other's replies";
        s.check(late < A_MOMENT, expected, format!("the last {} later", ms(late)));
        before = term;
    }
}

pub fn test_who_has_refused_is_asked_again_2a() {
    let s = Stage::new(
        5,
        "Figure 2, candidates: raise the term, ask all others for their votes, each time anew",
    );
    for _ in 0..3 {
        let term = s.campaign().term;
        for peer in s.peers() {
            s.says_no(&s.request(peer, term), term);
        }
    }
}

pub fn test_majority_of_votes_makes_a_leader_2a() {
    for (servers, needed) in [(3, 1), (4, 2), (5, 2), (7, 3)] {
        let s = Stage::new(
            servers,
            "Figure 2, candidates: with votes from a majority, become leader (whatever the \
             others do)",
        );
        let campaign = s.campaign();
        let voters: Vec<_> = (1..=needed).collect();
        s.grant(campaign.term, &voters);
        s.wins(campaign.term);
    }
}

pub fn test_half_of_the_votes_makes_no_leader_2a() {
    for (servers, votes) in [(3, 0), (4, 1), (5, 1), (7, 2)] {
        let s = Stage::new(
            servers,
            "Figure 2, candidates: it takes votes from a majority of all servers to become \
             leader",
        );
        let campaign = s.campaign();
        let voters: Vec<_> = (1..=votes).collect();
        s.grant(campaign.term, &voters);
        s.wait(A_MOMENT);
        s.follows_in(campaign.term);
    }
}

pub fn test_votes_do_not_add_up_over_terms_2a() {
    for voters in [[1, 1, 1, 1], [1, 2, 3, 4]] {
        let s = Stage::new(
            5,
            "§5.2: it takes a majority in one term: votes of several terms do not add up",
        );
        for voter in voters {
            let campaign = s.campaign();
            s.grant(campaign.term, &[voter]);
            s.wait(A_MOMENT);
            s.follows_in(campaign.term);
        }
    }
}

pub fn test_votes_of_an_earlier_term_do_not_count_2a() {
    let s = Stage::new(
        5,
        "§5.2: a vote counts in the term for which it was given, not in a later election",
    );
    let first = s.campaign();
    let second = s.campaign();
    s.grant(first.term, &[1, 2, 3, 4]);
    s.wait(A_MOMENT);
    s.follows_in(second.term);
    s.grant(second.term, &[1]);
    s.wait(A_MOMENT);
    s.follows_in(second.term);
    s.grant(second.term, &[2]);
    s.wins(second.term);
}

pub fn test_votes_do_not_count_after_a_newer_term_2a() {
    let s = Stage::new(
        3,
        "Figure 2, all servers: who hears of a newer term is a follower, and votes that come for \
         the old one make no leader",
    );
    let campaign = s.campaign();
    let newer = campaign.term + 3;
    s.grants(1, vote(newer, EMPTY));
    let mark = s.mark();
    s.grant(campaign.term, &[1, 2]);
    s.wait(A_MOMENT);
    s.follows_in(newer);
    let sent = s.led_since(mark);
    s.check(sent.is_empty(), "no AppendEntries", format!("{} of them", sent.len()));
}

pub fn test_votes_do_not_count_for_a_follower_2a() {
    let s = Stage::new(
        5,
        "Figure 2, candidates: who hears from the new leader is a follower, and votes that come \
         later make no second leader",
    );
    let campaign = s.campaign();
    s.accepts(1, heartbeat(campaign.term));
    let mark = s.mark();
    s.grant(campaign.term, &[2, 3, 4]);
    s.wait(A_MOMENT);
    s.follows_in(campaign.term);
    let sent = s.led_since(mark);
    s.check(sent.is_empty(), "no AppendEntries", format!("{} of them", sent.len()));
}

pub fn test_refusal_ends_no_campaign_2a() {
    let s = Stage::new(
        5,
        "Figure 2, candidates: votes from a majority make a leader, whoever has refused before",
    );
    let campaign = s.campaign();
    s.says_no(&s.request(1, campaign.term), campaign.term);
    s.wait(A_MOMENT);
    s.grant(campaign.term, &[2, 3]);
    s.wins(campaign.term);
}

pub fn test_vote_counts_the_entry_that_replaced_another_2b() {
    let s = Stage::new(
        3,
        "§5.4.1: the last entry decides on the vote, also when it has replaced another",
    );
    s.accepts(1, append(1, EMPTY, &[1, 1], 0));
    s.accepts(2, append(2, (1, 1), &[2], 0));
    s.has_entry(2, 2, (2, 2));
    s.lacks_entry(2, 2, (3, 2));
    s.denies(1, vote(3, (2, 1)));
    s.grants(2, vote(4, (2, 2)));
}

pub fn test_refusals_are_no_votes_2a() {
    let s = Stage::new(
        3,
        "Figure 2, candidates: votes from a majority make a leader, and only those that are \
         granted",
    );
    let campaign = s.campaign();
    for peer in s.peers() {
        s.says_no(&s.request(peer, campaign.term), campaign.term);
    }
    s.wait(A_MOMENT);
    s.follows_in(campaign.term);
}
