//! The accounts of a kind as lists see them: texts, numbers, and the orders that have been asked for.

use std::cmp::Ordering;

use uuid::Uuid;

use super::{
    bits::Bits,
    order::Order,
    texts::{Texts, part},
};
use crate::store::{
    changes::{NUMBERS, Shown},
    list::{Key, Position},
};

/// What rows are ordered by, before their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorting {
    Id,
    /// A part of the text, from 1.
    Part(usize),
    /// A column of numbers.
    Number(usize),
}

/// The order of an account's names, in which lists are if nobody asks for another.
pub(super) const BY_NAME: Sorting = Sorting::Part(1);

/// What a row must be.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// Its text holds this, in a part or anywhere.
    Text(Option<usize>, String),
    /// A column of numbers is this.
    Number(usize, i64),
}

/// The value by which a row is ordered.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value<'a> {
    Nothing,
    Number(i64),
    Text(&'a [u8]),
}

/// The rows.
#[derive(Default)]
pub(super) struct Rows {
    ids: Vec<Uuid>,
    texts: Texts,
    /// Numbers of rows that stand for no account.
    free: Vec<u32>,
    /// By the place of each in `NUMBERS`.
    numbers: [Option<Vec<i64>>; NUMBERS.len()],
    orders: Vec<(Sorting, Order)>,
}

impl Rows {
    /// How many accounts there are.
    pub(super) fn count(&self) -> usize {
        self.ids.len() - self.free.len()
    }

    /// The memory that they take, in bytes.
    pub(super) fn size(&self) -> usize {
        let numbers: usize = self.numbers.iter().flatten().map(|column| 8 * column.capacity()).sum();
        let orders: usize = self.orders.iter().map(|(_, order)| order.size()).sum();
        self.texts.size() + 16 * self.ids.capacity() + numbers + orders
    }

    /// Adds accounts before there is any order. They come in the order of their ids.
    pub(super) fn load(&mut self, shown: &[Shown]) {
        for shown in shown {
            self.ids.push(shown.id);
            self.texts.push(shown.search.as_bytes());
        }
    }

    /// Has the two orders made that are always there.
    pub(super) fn loaded(&mut self) {
        self.ids.shrink_to_fit();
        let all: Vec<u32> = (0..u32::try_from(self.ids.len()).unwrap_or(u32::MAX)).collect();
        self.orders.push((Sorting::Id, Order::of(&all)));
        self.add_order(BY_NAME);
    }

    /// Adds a column of numbers, to be filled.
    pub(super) fn add_number(&mut self, number: usize) {
        self.numbers[number] = Some(vec![0; self.ids.len()]);
    }

    /// Fills a column.
    pub(super) fn set_number(&mut self, number: usize, values: &[(Uuid, i64)]) {
        for (id, value) in values {
            let row = self.find(id);
            if let (Some(row), Some(column)) = (row, &mut self.numbers[number]) {
                column[row as usize] = *value;
            }
        }
    }

    pub(super) fn has_number(&self, number: usize) -> bool {
        self.numbers[number].is_some()
    }

    pub(super) fn has_order(&self, sorting: Sorting) -> bool {
        self.order(sorting).is_some()
    }

    fn order(&self, sorting: Sorting) -> Option<&Order> {
        self.orders.iter().find(|(of, _)| *of == sorting).map(|(_, order)| order)
    }

    /// Puts the rows in one more order.
    pub(super) fn add_order(&mut self, sorting: Sorting) {
        if self.has_order(sorting) {
            return;
        }
        let rows = self.order(Sorting::Id).map(|order| order.rows().collect()).unwrap_or_default();
        let order = self.sorted(sorting, rows);
        self.orders.push((sorting, order));
    }

    fn sorted(&self, sorting: Sorting, rows: Vec<u32>) -> Order {
        // Most are told apart by their first eight bytes, which stand beside the row's number.
        let beginning = |row: u32| match self.value(sorting, row) {
            Value::Nothing => 0,
            Value::Number(number) => number.cast_unsigned() ^ (1 << 63),
            Value::Text(text) => {
                let mut first = [0; 8];
                let length = text.len().min(8);
                first[..length].copy_from_slice(&text[..length]);
                u64::from_be_bytes(first)
            }
        };
        let mut keyed: Vec<(u64, u32)> = rows.into_iter().map(|row| (beginning(row), row)).collect();
        keyed.sort_unstable_by(|(first, one), (second, other)| {
            first.cmp(second).then_with(|| self.compare(sorting, *one, &self.value(sorting, *other), self.id(*other)))
        });
        Order::of(&keyed.into_iter().map(|(_, row)| row).collect::<Vec<_>>())
    }

    pub(super) fn id(&self, row: u32) -> Uuid {
        self.ids[row as usize]
    }

    fn value(&self, sorting: Sorting, row: u32) -> Value<'_> {
        match sorting {
            Sorting::Id => Value::Nothing,
            Sorting::Part(number) => Value::Text(part(self.texts.get(row), number)),
            Sorting::Number(number) => Value::Number(self.number(number, row)),
        }
    }

    fn number(&self, number: usize, row: u32) -> i64 {
        self.numbers[number].as_ref().map_or(0, |column| column[row as usize])
    }

    fn compare(&self, sorting: Sorting, row: u32, value: &Value<'_>, id: Uuid) -> Ordering {
        self.value(sorting, row).cmp(value).then_with(|| self.id(row).cmp(&id))
    }

    fn find(&self, id: &Uuid) -> Option<u32> {
        self.order(Sorting::Id)?.find(|row| self.id(row).cmp(id))
    }

    /// An account that is new or has changed.
    pub(super) fn put(&mut self, shown: &Shown) {
        let Some(row) = self.find(&shown.id) else { return self.add(shown) };
        let changed: Vec<Sorting> = self.orders.iter().map(|(sorting, _)| *sorting).collect();
        let changed: Vec<Sorting> =
            changed.into_iter().filter(|sorting| self.value(*sorting, row) != value_of(*sorting, shown)).collect();
        self.each_order(&changed, |rows, sorting, order| rows.take_out(sorting, order, row));
        if self.texts.get(row) != shown.search.as_bytes() {
            self.texts.replace(row, shown.search.as_bytes());
        }
        self.set_numbers(row, shown);
        self.each_order(&changed, |rows, sorting, order| rows.put_in(sorting, order, row));
    }

    fn add(&mut self, shown: &Shown) {
        let row = match self.free.pop() {
            Some(row) => {
                self.ids[row as usize] = shown.id;
                self.texts.replace(row, shown.search.as_bytes());
                row
            }
            None => {
                self.ids.push(shown.id);
                self.texts.push(shown.search.as_bytes());
                self.numbers.iter_mut().flatten().for_each(|column| column.push(0));
                u32::try_from(self.ids.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.set_numbers(row, shown);
        self.each_order(&self.sortings(), |rows, sorting, order| rows.put_in(sorting, order, row));
    }

    /// An account that is no more.
    pub(super) fn remove(&mut self, id: &Uuid) {
        let Some(row) = self.find(id) else { return };
        self.each_order(&self.sortings(), |rows, sorting, order| rows.take_out(sorting, order, row));
        self.texts.replace(row, b"");
        self.free.push(row);
    }

    fn sortings(&self) -> Vec<Sorting> {
        self.orders.iter().map(|(sorting, _)| *sorting).collect()
    }

    fn set_numbers(&mut self, row: u32, shown: &Shown) {
        for (column, number) in self.numbers.iter_mut().zip(shown.numbers) {
            if let Some(column) = column {
                column[row as usize] = number;
            }
        }
    }

    fn each_order(&mut self, sortings: &[Sorting], act: impl Fn(&Self, Sorting, &mut Order)) {
        let mut orders = std::mem::take(&mut self.orders);
        for (sorting, order) in orders.iter_mut().filter(|(sorting, _)| sortings.contains(sorting)) {
            act(self, *sorting, order);
        }
        self.orders = orders;
    }

    fn take_out(&self, sorting: Sorting, order: &mut Order, row: u32) {
        let (value, id) = (self.value(sorting, row), self.id(row));
        order.remove(|other| self.compare(sorting, other, &value, id));
    }

    fn put_in(&self, sorting: Sorting, order: &mut Order, row: u32) {
        let (value, id) = (self.value(sorting, row), self.id(row));
        order.insert(row, |other| self.compare(sorting, other, &value, id));
    }

    /// The rows that are all that is wanted; nothing if nothing is.
    pub(super) fn matching(&self, wanted: &[Wanted]) -> Option<Bits> {
        let mut all = wanted.iter().map(|wanted| match wanted {
            Wanted::Text(part, text) => self.texts.search(text, *part),
            Wanted::Number(number, value) => {
                let mut found = Bits::none(self.ids.len());
                let rows = self.order(Sorting::Id).into_iter().flat_map(Order::rows);
                rows.filter(|row| self.number(*number, *row) == *value).for_each(|row| found.add(row));
                found
            }
        });
        let mut found = all.next()?;
        all.for_each(|other| found.keep(&other));
        Some(found)
    }

    /// A page of the rows that match, or of all.
    pub(super) fn page(
        &self,
        (sorting, descending): (Sorting, bool),
        matching: Option<&Bits>,
        skip: usize,
        limit: usize,
    ) -> Vec<u32> {
        let Some(order) = self.order(sorting) else { return Vec::new() };
        match matching {
            None => order.page(descending, skip, limit),
            Some(bits) if descending => {
                order.rows().rev().filter(|row| bits.has(*row)).skip(skip).take(limit).collect()
            }
            Some(bits) => order.rows().filter(|row| bits.has(*row)).skip(skip).take(limit).collect(),
        }
    }

    /// The rows that match, or all, behind a position.
    pub(super) fn behind(
        &self,
        (sorting, descending): (Sorting, bool),
        matching: Option<&Bits>,
        position: &Position,
        limit: usize,
    ) -> Vec<u32> {
        let Some(order) = self.order(sorting) else { return Vec::new() };
        let value = match &position.key {
            Key::Id => Value::Nothing,
            Key::Int(number) => Value::Number(*number),
            Key::Bool(value) => Value::Number(i64::from(*value)),
            Key::Text(text) => Value::Text(text.as_bytes()),
        };
        let rows = order.behind(descending, |row| self.compare(sorting, row, &value, position.id));
        rows.filter(|row| matching.is_none_or(|bits| bits.has(*row))).take(limit).collect()
    }

    /// Where a row stands.
    pub(super) fn position(&self, sorting: Sorting, row: u32) -> Position {
        let key = match self.value(sorting, row) {
            Value::Nothing => Key::Id,
            Value::Text(text) => Key::Text(String::from_utf8_lossy(text).into_owned()),
            Value::Number(number) if sorting == DISABLED => Key::Bool(number == 1),
            Value::Number(number) => Key::Int(number),
        };
        Position { key, id: self.id(row) }
    }
}

/// The one column of numbers that stands for yes and no.
const DISABLED: Sorting = Sorting::Number(NUMBERS.len() - 1);

fn value_of(sorting: Sorting, shown: &Shown) -> Value<'_> {
    match sorting {
        Sorting::Id => Value::Nothing,
        Sorting::Part(number) => Value::Text(part(shown.search.as_bytes(), number)),
        Sorting::Number(number) => Value::Number(shown.numbers[number]),
    }
}
