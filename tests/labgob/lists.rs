//! Lists that keep their encoding.

use raftlab::lab_tests;
use raftlab::labgob::{Bytes, EncodedVec, from_bytes, to_bytes};
use raftlab::labsync::rng::random_range;
use raftlab::runner::LabTest;
use serde::{Deserialize, Serialize};

use crate::kit::{framed_like, payload_of};

pub const TESTS: &[LabTest] =
    lab_tests![test_a_list_is_what_its_changes_made_it, test_a_list_of_wrong_bytes_is_refused,];

/// Of 1 to 130 bytes, so that places of elements and their numbers differ.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Element(u64, Bytes);

fn element() -> Element {
    let size = random_range(0..120_usize);
    Element(1 << random_range(0..64_u32), vec![7; size].into())
}

/// Pushed, truncated and cut at its beginning, at random: it always encodes as a list that was just
/// made of the same elements, and comes back as that.
fn test_a_list_is_what_its_changes_made_it() {
    let (mut list, mut model) = (EncodedVec::default(), Vec::new());
    for _ in 0..500 {
        let count = random_range(0..=model.len());
        match random_range(0..8_u32) {
            0 => {
                list.truncate(count);
                model.truncate(count);
            }
            1 => {
                list.drop_first(count);
                model.drain(..count);
            }
            _ => {
                let element = element();
                list.push(element.clone());
                model.push(element);
            }
        }
        assert_eq!(list[..], model[..]);

        let mut fresh = EncodedVec::default();
        model.iter().for_each(|element| fresh.push(element.clone()));
        let bytes = to_bytes(&list);
        assert_eq!(bytes, to_bytes(&fresh));
        let back: EncodedVec<Element> = from_bytes(&bytes).unwrap();
        // does it go on as the first would?
        assert_eq!(to_bytes(&back), bytes);
        list = back;
    }
    list.truncate(list.len() + 1);
    assert_eq!(format!("{list:?}"), format!("{model:?}"));
    assert_eq!(list.into_vec(), model);
}

fn test_a_list_of_wrong_bytes_is_refused() {
    let mut list = EncodedVec::default();
    list.push(Element(5, vec![7; 9].into()));
    list.push(Element(1 << 40, vec![7; 9].into()));
    let bytes = to_bytes(&list);
    // cut within its last element, with a length that is true?
    let block = &payload_of(&bytes)[1..];
    for kept in 12..block.len() {
        let cut = to_bytes(&Bytes::from(&block[..kept]));
        let error = from_bytes::<EncodedVec<Element>>(&framed_like(&bytes, payload_of(&cut)));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("the payload lacks"), "{kept} bytes: {error}");
    }
    // elements that take no byte, of which any number would fit?
    let nothing = to_bytes(&EncodedVec::<()>::default());
    assert!(from_bytes::<EncodedVec<()>>(&nothing).unwrap().is_empty());
    let error = from_bytes::<EncodedVec<()>>(&framed_like(&nothing, &[1, 0])).unwrap_err();
    assert!(error.to_string().contains("an element takes no byte"), "{error}");
}
