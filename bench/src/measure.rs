//! One measure: what the rounds gave, its yardstick, its goals, and whether they are met.

use serde::Serialize;

use crate::stats::{Spread, ratios};

/// What a goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// The measured value itself.
    Value,
    /// Its ratio to the yardstick.
    Ratio,
}

/// A bound that the median has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Goal {
    /// Of what.
    pub about: About,
    /// Whether the bound is the least or the most that is allowed.
    pub at_least: bool,
    /// The bound.
    pub bound: f64,
}

impl Goal {
    /// The value must reach this.
    pub fn at_least(bound: f64) -> Goal {
        Goal::new(About::Value, true, bound)
    }

    /// The value must not exceed this.
    pub fn at_most(bound: f64) -> Goal {
        Goal::new(About::Value, false, bound)
    }

    /// The ratio must reach this.
    pub fn ratio_at_least(bound: f64) -> Goal {
        Goal::new(About::Ratio, true, bound)
    }

    /// The ratio must not exceed this.
    pub fn ratio_at_most(bound: f64) -> Goal {
        Goal::new(About::Ratio, false, bound)
    }

    fn new(about: About, at_least: bool, bound: f64) -> Goal {
        Goal {
            about,
            at_least,
            bound,
        }
    }

    fn is_met_by(self, value: f64) -> bool {
        if self.at_least {
            value >= self.bound
        } else {
            value <= self.bound
        }
    }
}

/// What a section measured, before it is summed up.
#[derive(Debug, Clone)]
pub struct Measure {
    name: String,
    unit: &'static str,
    ours: Vec<f64>,
    yardstick: Option<(String, Vec<f64>)>,
    goals: Vec<Goal>,
}

impl Measure {
    /// Values of the rounds, in their order.
    pub fn new(name: impl Into<String>, unit: &'static str, ours: Vec<f64>) -> Measure {
        Measure {
            name: name.into(),
            unit,
            ours,
            yardstick: None,
            goals: Vec::new(),
        }
    }

    /// Compared with this, measured in the same rounds and the same unit.
    pub fn against(mut self, name: impl Into<String>, values: &[f64]) -> Measure {
        self.yardstick = Some((name.into(), values.to_vec()));
        self
    }

    /// With a goal; all of several have to be met.
    pub fn goal(mut self, goal: Goal) -> Measure {
        self.goals.push(goal);
        self
    }
}

/// A measure as the table and `results.json` show it.
#[derive(Debug, Clone, Serialize)]
pub struct Summed {
    /// What was measured.
    pub measure: String,
    /// In what.
    pub unit: &'static str,
    /// Ours.
    pub ours: Spread,
    /// Ours, round by round.
    pub rounds: Vec<f64>,
    /// What it is compared with.
    pub yardstick: Option<Yardstick>,
    /// The bounds.
    pub goals: Vec<Judged>,
    /// Whether all are met; null where there is no goal.
    pub met: Option<bool>,
}

/// What a measure is compared with.
#[derive(Debug, Clone, Serialize)]
pub struct Yardstick {
    /// What it is.
    pub name: String,
    /// Its values.
    pub value: Spread,
    /// Its values, round by round.
    pub rounds: Vec<f64>,
    /// Ours divided by it, by rounds.
    pub ratio: Spread,
}

/// A goal and whether it is met.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// The bound.
    #[serde(flatten)]
    pub goal: Goal,
    /// Whether the median keeps it.
    pub met: bool,
}

impl From<Measure> for Summed {
    fn from(measure: Measure) -> Summed {
        let ours = Spread::of(&measure.ours);
        let yardstick = measure.yardstick.map(|(name, rounds)| Yardstick {
            name,
            value: Spread::of(&rounds),
            ratio: Spread::of(&ratios(&measure.ours, &rounds)),
            rounds,
        });
        let judge = |goal: Goal| {
            let value = match goal.about {
                About::Value => ours.median,
                About::Ratio => yardstick.as_ref().map_or(f64::NAN, |other| other.ratio.median),
            };
            Judged {
                goal,
                met: goal.is_met_by(value),
            }
        };
        let goals: Vec<Judged> = measure.goals.into_iter().map(judge).collect();
        Summed {
            measure: measure.name,
            unit: measure.unit,
            ours,
            rounds: measure.ours,
            met: (!goals.is_empty()).then(|| goals.iter().all(|judged| judged.met)),
            yardstick,
            goals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summed(measure: Measure) -> Summed {
        measure.into()
    }

    #[test]
    fn a_goal_is_judged_by_the_median_and_not_by_the_best_round() {
        let measure = Measure::new("m", "rows/s", vec![10.0, 70.0, 60.0]);
        let measure = measure.against("bare", &[100.0, 100.0, 100.0]);
        assert_eq!(
            summed(measure.clone().goal(Goal::ratio_at_least(0.6))).met,
            Some(true)
        );
        assert_eq!(summed(measure.goal(Goal::ratio_at_least(0.65))).met, Some(false));
    }

    #[test]
    fn all_goals_of_a_measure_have_to_be_met() {
        let measure = Measure::new("m", "rows/s", vec![10.0]).against("floor", &[100.0]);
        let measure = measure.goal(Goal::at_least(5.0)).goal(Goal::ratio_at_least(0.15));
        let summed = summed(measure);
        let met: Vec<bool> = summed.goals.iter().map(|judged| judged.met).collect();
        assert_eq!((met, summed.met), (vec![true, false], Some(false)));
    }

    #[test]
    fn a_bound_from_above_is_kept_by_what_equals_it() {
        let measure = Measure::new("m", "ms", vec![3.0]);
        assert_eq!(summed(measure.clone().goal(Goal::at_most(3.0))).met, Some(true));
        assert_eq!(summed(measure.clone().goal(Goal::at_most(2.9))).met, Some(false));
        // nothing to compare with: a goal about a ratio cannot be met
        assert_eq!(
            summed(measure.clone().goal(Goal::ratio_at_most(9.0))).met,
            Some(false)
        );
        assert_eq!(summed(measure).met, None);
    }
}
