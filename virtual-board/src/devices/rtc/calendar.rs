//! The calendar of the RTC: binary-coded decimals, years 2000 to 2099, 24 hours (RM0477, RTC_TR and RTC_DR).

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    year: u32,
    month: u32,
    day: u32,
    /// 1 Monday to 7 Sunday: it counts on its own, whatever the date.
    weekday: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Default for Calendar {
    /// RTC_TR and RTC_DR after the first power-on: Monday, 1 January 2000.
    fn default() -> Self {
        Self {
            year: 0,
            month: 1,
            day: 1,
            weekday: 1,
            hour: 0,
            minute: 0,
            second: 0,
        }
    }
}

const fn bcd(value: u32) -> u32 {
    ((value / 10) << 4) | (value % 10)
}

/// The number of the digits in `mask` at `shift`.
const fn number(register: u32, shift: u32, mask: u32) -> u32 {
    let digits = register >> shift & mask;
    (digits >> 4) * 10 + (digits & 0xF)
}

impl Calendar {
    /// ICSR.INITS: a year other than 2000.
    pub const fn is_set(&self) -> bool {
        self.year != 0
    }

    /// As in TR.
    pub const fn time(&self) -> u32 {
        bcd(self.hour) << 16 | bcd(self.minute) << 8 | bcd(self.second)
    }

    /// As in DR.
    pub const fn date(&self) -> u32 {
        bcd(self.year) << 16 | self.weekday << 13 | bcd(self.month) << 8 | bcd(self.day)
    }

    pub const fn set_time(&mut self, register: u32) {
        self.hour = number(register, 16, 0x3F);
        self.minute = number(register, 8, 0x7F);
        self.second = number(register, 0, 0x7F);
    }

    pub const fn set_date(&mut self, register: u32) {
        self.year = number(register, 16, 0xFF);
        self.weekday = register >> 13 & 7;
        self.month = number(register, 8, 0x1F);
        self.day = number(register, 0, 0x3F);
    }

    const fn days_of_month(&self) -> u32 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.year.is_multiple_of(4) => 29,
            2 => 28,
            _ => 31,
        }
    }

    pub const fn next_second(&mut self) {
        self.second += 1;
        if self.second < 60 {
            return;
        }
        (self.second, self.minute) = (0, self.minute + 1);
        if self.minute < 60 {
            return;
        }
        (self.minute, self.hour) = (0, self.hour + 1);
        if self.hour < 24 {
            return;
        }
        self.hour = 0;
        self.weekday = self.weekday % 7 + 1;
        self.day += 1;
        if self.day <= self.days_of_month() {
            return;
        }
        (self.day, self.month) = (1, self.month + 1);
        if self.month > 12 {
            (self.month, self.year) = (1, (self.year + 1) % 100);
        }
    }

    /// True if an ALRMxR fits: each part that its MSK bit does not leave out.
    pub const fn matches(&self, alarm: u32) -> bool {
        let day = if alarm >> 30 & 1 == 1 {
            self.weekday == alarm >> 24 & 0xF
        } else {
            self.day == number(alarm, 24, 0x3F)
        };
        (alarm >> 31 & 1 == 1 || day)
            && (alarm >> 23 & 1 == 1 || self.hour == number(alarm, 16, 0x3F))
            && (alarm >> 15 & 1 == 1 || self.minute == number(alarm, 8, 0x7F))
            && (alarm >> 7 & 1 == 1 || self.second == number(alarm, 0, 0x7F))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_of_february_ends_it() {
        let mut calendar = Calendar::default();
        // Thursday, 29 February 2024.
        calendar.set_date(0x24 << 16 | 4 << 13 | 0x02 << 8 | 0x29);
        calendar.set_time(0x23_5959);
        calendar.next_second();
        assert_eq!(calendar.date(), 0x24 << 16 | 5 << 13 | 0x03 << 8 | 0x01);
        assert_eq!(calendar.time(), 0);
        assert_eq!(Calendar::default().date(), 0x2101, "DR after reset");
    }
}
