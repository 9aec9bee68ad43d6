//! A short list: a few items in place, more on the heap, cheap to clone either way.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A list that keeps up to `N` items in place and shares a longer one, so that a clone never copies
/// more than `N` items.
#[derive(Clone)]
pub struct Few<T, const N: usize>(Store<T, N>);

#[derive(Clone)]
enum Store<T, const N: usize> {
    InPlace(u8, [T; N]),
    Shared(Arc<[T]>),
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    /// The empty list.
    pub fn new() -> Self {
        Self(Store::InPlace(0, [T::default(); N]))
    }

    /// The list of one item.
    pub fn one(item: T) -> Self {
        let mut items = [T::default(); N];
        items[0] = item;
        Self(Store::InPlace(1, items))
    }

    /// Adds an item at the end. Beyond `N` items it copies the list.
    #[inline]
    pub fn push(&mut self, item: T) {
        match &mut self.0 {
            Store::InPlace(len, items) if usize::from(*len) < N => {
                items[usize::from(*len)] = item;
                *len += 1;
            }
            _ => *self = self.iter().copied().chain([item]).collect::<Vec<T>>().into(),
        }
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Store::InPlace(len, items) => &items[..usize::from(*len)],
            Store::Shared(items) => items,
        }
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + Default, const N: usize> From<&[T]> for Few<T, N> {
    fn from(items: &[T]) -> Self {
        if items.len() > N {
            return Self(Store::Shared(items.into()));
        }
        let mut place = [T::default(); N];
        place[..items.len()].copy_from_slice(items);
        Self(Store::InPlace(u8::try_from(items.len()).expect("N is small"), place))
    }
}

impl<T: Copy + Default, const N: usize> From<Vec<T>> for Few<T, N> {
    fn from(items: Vec<T>) -> Self {
        if items.len() > N { Self(Store::Shared(items.into())) } else { items.as_slice().into() }
    }
}

impl<T: Copy + Default, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let mut few = Self::new();
        while let Store::InPlace(len, place) = &mut few.0 {
            let Some(item) = items.next() else { break };
            if usize::from(*len) == N {
                few.0 = Store::Shared(place.iter().copied().chain([item]).chain(items).collect());
                break;
            }
            place[usize::from(*len)] = item;
            *len += 1;
        }
        few
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Few<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq, const N: usize> Eq for Few<T, N> {}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn a_list_reads_the_same_in_place_and_shared() {
        let mut list = Few::<u32, 3>::new();
        for n in 0..7 {
            assert_eq!(list.len(), n as usize);
            list.push(n);
            assert_eq!(list, (0..=n).collect());
            assert_eq!(list, Few::from((0..=n).collect::<Vec<_>>().as_slice()));
        }
        assert_eq!(list.clone().iter().sum::<u32>(), 21);
        assert_eq!(size_of::<Few<u32, 5>>(), 24);
    }
}
