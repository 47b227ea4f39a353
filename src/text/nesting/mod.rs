//! The words of a text in SQL, arranged so that the parser's tree is never deep: a tree is copied, written, walked and
//! dropped by functions that call themselves, and a list of thousands of conditions would end the program. Long lists
//! of `or` and `and` are put in parentheses, a part at a time, which means the same; anything else that is too deep is
//! refused before it is read.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// Conditions in a row without parentheses, at most.
const IN_A_ROW: usize = 32;

/// Bytes of stack that a thread needs to read SQL, also in a program built without optimisations.
pub const STACK: usize = 64 << 20;

/// Levels of a tree, at most. SQLite takes a thousand in an expression, and five hundred selects.
const MAX_LEVELS: usize = 500;

/// A parser of a text whose tree is not deep.
///
/// # Errors
/// When the text is no SQL, or is nested too deeply.
pub(crate) fn parser(text: &str) -> Result<Parser<'static>, ParserError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location()?;
    let tokens = in_parentheses(tokens);
    match too_deep(&tokens) {
        None => Ok(Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(tokens)),
        Some(Location { line, column }) => Err(ParserError::ParserError(format!(
            "it is nested too deeply: more than {MAX_LEVELS} operators or selects depend on each other here; put parts \
             of it in parentheses, \
             or what they give in a file of its own at Line: {line}, Column: {column}"
        ))),
    }
}

/// The role of a word in its expression.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Open,
    Close,
    /// The start of another expression: a comma, a clause.
    Boundary,
    /// The start of another select, which is combined with the one before.
    Combine,
    Or,
    And,
    /// A `between`, whose next `and` is its own.
    Between,
    Operator,
    Operand,
    /// Blanks and comments.
    Nothing,
}

/// The roles of words, one after the other.
#[derive(Default)]
struct Roles {
    /// The open parentheses, each true for a `case`.
    open: Vec<bool>,
    /// True if an operand is expected, so that a word is none of SQL's own.
    wants_operand: bool,
    before: Option<Token>,
    /// True if the parentheses opened last apply to the operand before them, as `[1]` does.
    applies: bool,
}

impl Roles {
    fn of(&mut self, token: &Token) -> Role {
        if matches!(token, Token::Whitespace(_)) {
            return Role::Nothing;
        }
        let role = match token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                let follows = token == &Token::LBracket || matches!(self.before, Some(Token::RParen | Token::RBracket));
                self.applies = follows;
                self.opened(false)
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                while self.open.pop() == Some(true) {}
                Role::Close
            }
            Token::Comma | Token::SemiColon | Token::Colon => Role::Boundary,
            Token::Period if !matches!(self.before, Some(Token::RParen | Token::RBracket)) => Role::Operand,
            Token::Word(word) if self.before == Some(Token::Period) || word.quote_style.is_some() => Role::Operand,
            Token::Word(word) => self.of_word(word.keyword),
            Token::Number(..) | Token::SingleQuotedString(_) | Token::DollarQuotedString(_) => Role::Operand,
            Token::EscapedStringLiteral(_) | Token::HexStringLiteral(_) | Token::Placeholder(_) => Role::Operand,
            Token::NationalStringLiteral(_) | Token::UnicodeStringLiteral(_) => Role::Operand,
            Token::EOF => Role::Boundary,
            _ => Role::Operator,
        };
        self.wants_operand =
            matches!(role, Role::Or | Role::And | Role::Between | Role::Operator) && !self.may_be_a_name(token);
        self.before = Some(token.clone());
        role
    }

    /// True if an operator may as well be a column, or the `*` for all columns.
    fn may_be_a_name(&self, token: &Token) -> bool {
        match (token, &self.before) {
            (Token::Word(word), _) => !matches!(
                word.keyword,
                Keyword::OR
                    | Keyword::AND
                    | Keyword::NOT
                    | Keyword::IS
                    | Keyword::IN
                    | Keyword::LIKE
                    | Keyword::BETWEEN
            ),
            (Token::Mul, Some(Token::Comma | Token::LParen | Token::Period)) => true,
            (Token::Mul, Some(Token::Word(word))) => {
                matches!(word.keyword, Keyword::SELECT | Keyword::DISTINCT | Keyword::ALL)
            }
            _ => false,
        }
    }

    fn of_word(&mut self, word: Keyword) -> Role {
        match word {
            Keyword::CASE => {
                self.applies = false;
                self.opened(true)
            }
            Keyword::END if self.open.last() == Some(&true) => {
                self.open.pop();
                Role::Close
            }
            Keyword::OR => Role::Or,
            Keyword::AND => Role::And,
            Keyword::BETWEEN => Role::Between,
            Keyword::NOT | Keyword::IS | Keyword::IN | Keyword::LIKE | Keyword::ILIKE | Keyword::SIMILAR => {
                Role::Operator
            }
            Keyword::COLLATE | Keyword::AT | Keyword::OVERLAPS | Keyword::NOTNULL => Role::Operator,
            Keyword::REGEXP | Keyword::RLIKE | Keyword::MEMBER | Keyword::XOR | Keyword::DIV | Keyword::OPERATOR => {
                Role::Operator
            }
            // `is distinct from` is an operator.
            Keyword::FROM if matches!(&self.before, Some(Token::Word(word)) if word.keyword == Keyword::DISTINCT) => {
                Role::Operator
            }
            _ if self.wants_operand => Role::Operand,
            Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => Role::Combine,
            Keyword::SELECT | Keyword::FROM | Keyword::WHERE | Keyword::GROUP | Keyword::HAVING => Role::Boundary,
            Keyword::ORDER | Keyword::LIMIT | Keyword::OFFSET | Keyword::FETCH | Keyword::WINDOW => Role::Boundary,
            Keyword::JOIN | Keyword::ON | Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::AS => Role::Boundary,
            _ => Role::Operand,
        }
    }

    fn opened(&mut self, is_case: bool) -> Role {
        self.open.push(is_case);
        Role::Open
    }
}

/// The places of the conditions of lists within one pair of parentheses.
#[derive(Default)]
struct Lists {
    ors: Vec<usize>,
    ands: Vec<usize>,
    /// Number of `between` that wait for their `and`.
    betweens: usize,
}

/// The words with long lists of conditions in parentheses, a part at a time. The first and the last condition of a list
/// stay outside: the text before and behind them may be something else.
fn in_parentheses(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    // The number of parentheses before each word.
    let (mut opened, mut closed) = (vec![0; tokens.len() + 1], vec![0; tokens.len() + 1]);
    let mut end = |list: &mut Vec<usize>| {
        let mut part = IN_A_ROW;
        // The conditions between two of the places.
        while list.len() > part + 1 {
            for places in list.windows(part + 1).step_by(part) {
                opened[places[0] + 1] += 1;
                closed[places[part]] += 1;
            }
            part *= IN_A_ROW;
        }
        list.clear();
    };
    let mut roles = Roles::default();
    let mut open = vec![Lists::default()];
    for (at, token) in tokens.iter().enumerate() {
        let role = roles.of(&token.token);
        // Parentheses that close more than one frame, such as an unfinished case, end each of them.
        while open.len() > roles.open.len() + 1 {
            if let Some(mut lists) = open.pop() {
                end(&mut lists.ors);
                end(&mut lists.ands);
            }
        }
        if role == Role::Open {
            open.push(Lists::default());
            continue;
        }
        let Some(lists) = open.last_mut() else { continue };
        match role {
            Role::Or => {
                lists.ors.push(at);
                end(&mut lists.ands);
            }
            Role::And if lists.betweens > 0 => lists.betweens -= 1,
            Role::And => lists.ands.push(at),
            Role::Between => lists.betweens += 1,
            Role::Boundary | Role::Combine => {
                end(&mut lists.ors);
                end(&mut lists.ands);
                lists.betweens = 0;
            }
            Role::Open | Role::Close | Role::Operator | Role::Operand | Role::Nothing => {}
        }
    }
    for mut lists in open {
        end(&mut lists.ors);
        end(&mut lists.ands);
    }
    let mut all = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.into_iter().enumerate() {
        let mut add = |what: Token, count: usize| {
            all.extend(std::iter::repeat_with(|| TokenWithSpan { token: what.clone(), span: token.span }).take(count));
        };
        add(Token::RParen, closed[at]);
        add(Token::LParen, opened[at]);
        all.push(token);
    }
    all
}

/// The depth of an expression's tree, at most: `or` above `and` above the other operators above the contents of
/// parentheses.
#[derive(Default)]
struct Levels {
    combined: usize,
    ors: usize,
    ands: usize,
    operators: usize,
    betweens: usize,
    /// The greatest depths that have ended already: of all, beneath `or`, beneath `and`.
    most: [usize; 3],
    /// The depth of the contents of parentheses.
    beneath: usize,
}

impl Levels {
    fn end_operators(&mut self) {
        self.most[2] = self.most[2].max(self.operators);
        self.operators = 0;
    }

    fn end_ands(&mut self) {
        self.end_operators();
        self.most[1] = self.most[1].max(self.ands + self.most[2]);
        (self.ands, self.most[2]) = (0, 0);
    }

    fn end(&mut self) {
        self.end_ands();
        self.most[0] = self.most[0].max(self.ors + self.most[1]);
        (self.ors, self.most[1], self.betweens) = (0, 0, 0);
    }

    fn count(&self) -> usize {
        let ands = self.ands + self.most[2].max(self.operators);
        self.combined + self.beneath + self.most[0].max(self.ors + self.most[1].max(ands))
    }
}

/// The first place with too many levels.
fn too_deep(tokens: &[TokenWithSpan]) -> Option<Location> {
    let mut roles = Roles::default();
    let mut open = vec![Levels::default()];
    for token in tokens {
        let role = roles.of(&token.token);
        if role == Role::Open {
            if let Some(levels) = open.last_mut() {
                levels.operators += usize::from(roles.applies);
            }
            open.push(Levels::default());
        }
        while open.len() > roles.open.len() + 1 && open.len() > 1 {
            let beneath = open.pop().map_or(0, |levels| levels.count() + 1);
            if let Some(levels) = open.last_mut() {
                levels.beneath = levels.beneath.max(beneath);
            }
        }
        let levels = open.last_mut()?;
        match role {
            Role::Or => {
                levels.end_ands();
                levels.ors += 1;
            }
            Role::And if levels.betweens > 0 => levels.betweens -= 1,
            Role::And => {
                levels.end_operators();
                levels.ands += 1;
            }
            Role::Between => {
                levels.betweens += 1;
                levels.operators += 1;
            }
            Role::Operator => levels.operators += 1,
            Role::Boundary => levels.end(),
            Role::Combine => {
                levels.end();
                levels.combined += 1;
            }
            Role::Open | Role::Close | Role::Operand | Role::Nothing => {}
        }
        if levels.count() > MAX_LEVELS || open.len() > MAX_LEVELS {
            return Some(token.span.start);
        }
    }
    None
}

#[cfg(test)]
mod tests;
