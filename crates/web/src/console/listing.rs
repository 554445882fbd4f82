//! Lists: what was asked of one in its address, the links to other pages and orders of it, and the rows of a page.

use std::borrow::Cow;

use portreeve_directory::{
    error::Result,
    list::{Listing, Request},
};

/// Rows of a page.
const ROWS: u64 = 50;

/// What is asked of a list, as its address says it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    path: Cow<'static, str>,
    params: Vec<(String, String)>,
}

impl Asked {
    /// `query` is that of the address.
    pub(crate) fn new(path: impl Into<Cow<'static, str>>, query: Option<&str>) -> Self {
        let path = path.into();
        let params = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned();
        Self { path, params: params.filter(|(_, value)| !value.is_empty()).collect() }
    }

    /// What a parameter says; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.params.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// The number of the page, from 1.
    pub(crate) fn page(&self) -> u64 {
        self.get("page").parse().unwrap_or(1).clamp(1, 1 << 40)
    }

    /// Whether anything is asked that leaves rows out.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.params.iter().any(|(name, _)| !matches!(name.as_str(), "page" | "sort" | "down"))
    }

    /// The list's own address, without anything that is asked.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The address of the same list with one thing asked otherwise, from its beginning.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let others = self.params.iter().filter(|(own, _)| own != name && own != "page");
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others);
        if !value.is_empty() {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { self.path.clone().into_owned() } else { format!("{}?{query}", self.path) }
    }

    /// The address of the list ordered by a field: the other way round if it is ordered by it already. `default` is the
    /// field by which it is ordered if nobody asks.
    pub(crate) fn sorted(&self, field: &str, default: &str) -> String {
        let down = if self.order(field, default) == "ascending" { "1" } else { "" };
        Self { params: self.without("sort"), ..self.clone() }.and("sort", field).with("down", down)
    }

    fn without(&self, name: &str) -> Vec<(String, String)> {
        self.params.iter().filter(|(own, _)| own != name).cloned().collect()
    }

    fn and(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// `ascending`, `descending`, or `none`, as `aria-sort` has it.
    pub(crate) fn order(&self, field: &str, default: &str) -> &'static str {
        let sort = if self.get("sort").is_empty() { default } else { self.get("sort") };
        match (sort == field, self.get("down").is_empty()) {
            (false, _) => "none",
            (true, true) => "ascending",
            (true, false) => "descending",
        }
    }

    /// The same, of the directory. `filters` says which parameter asks about which field.
    pub(crate) fn request(&self, filters: &[(&str, &str)]) -> Request {
        let first = (self.page() - 1) * ROWS;
        let filter = |(name, field): &(&str, &str)| {
            let value = self.get(name);
            (!value.is_empty()).then(|| ((*field).to_owned(), value.to_owned()))
        };
        Request {
            // Each word is looked for by itself.
            queries: self.get("q").split_whitespace().take(8).map(str::to_owned).collect(),
            range: Some(format!("{first}-{}", first + ROWS - 1)),
            after: None,
            order_by: Some(self.get("sort").to_owned()).filter(|field| !field.is_empty()),
            descending: (!self.get("down").is_empty()).then(|| "true".to_owned()),
            filters: filters.iter().filter_map(filter).collect(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub(crate) struct Rows<T> {
    pub(crate) asked: Asked,
    pub(crate) rows: Vec<T>,
    /// How many match.
    pub(crate) matching: u64,
    /// How many there are that the reader may see.
    pub(crate) total: u64,
}

impl<T: Send + 'static> Rows<T> {
    /// Reads the page that is asked for.
    pub(crate) async fn read(asked: Asked, mut listing: Listing<T>) -> Result<Self> {
        let rows = listing.next_rows().await?;
        let matching = listing.matching();
        let total = listing.summary().total_count;
        Ok(Self { asked, rows, matching, total })
    }

    /// The same page of what its rows become.
    pub(crate) fn map<U>(self, map: impl FnMut(T) -> U) -> Rows<U> {
        let rows = self.rows.into_iter().map(map).collect();
        Rows { asked: self.asked, rows, matching: self.matching, total: self.total }
    }
}

impl<T> Rows<T> {
    /// The number of the first row, from 1.
    pub(crate) fn first(&self) -> u64 {
        (self.asked.page() - 1) * ROWS + 1
    }

    /// The number of the last row.
    pub(crate) fn last(&self) -> u64 {
        self.first() + self.rows.len() as u64 - 1
    }

    /// The address of the page before this one.
    pub(crate) fn before(&self) -> Option<String> {
        let page = self.asked.page();
        (page > 1).then(|| self.asked.with("page", &(page - 1).to_string()))
    }

    /// The address of the page behind this one.
    pub(crate) fn behind(&self) -> Option<String> {
        let page = self.asked.page();
        (page * ROWS < self.matching).then(|| self.asked.with("page", &(page + 1).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_is_asked_and_begin_at_the_first_page() {
        let asked = Asked::new("/ui/x", Some("q=a%26b&page=3&state="));
        assert_eq!(asked.with("state", "locked"), "/ui/x?q=a%26b&state=locked");
        assert_eq!(asked.with("q", ""), "/ui/x");
        assert_eq!(asked.with("page", "4"), "/ui/x?q=a%26b&page=4");
        assert_eq!(asked.sorted("name", "id"), "/ui/x?q=a%26b&sort=name");
        assert_eq!(asked.sorted("name", "name"), "/ui/x?q=a%26b&sort=name&down=1");
        let asked = Asked::new("/ui/x", Some("sort=name"));
        assert_eq!(asked.sorted("name", "id"), "/ui/x?sort=name&down=1");
        assert_eq!((asked.order("name", "id"), asked.order("id", "id")), ("ascending", "none"));
        assert_eq!(asked.request(&[]).range.as_deref(), Some("0-49"));
        let asked = Asked::new("/ui/x", Some("sort=name&down=1&page=99999999999999999999"));
        assert_eq!(asked.sorted("name", "name"), "/ui/x?sort=name");
        assert_eq!(asked.page(), 1);
    }
}
