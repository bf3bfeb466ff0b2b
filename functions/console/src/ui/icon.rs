//! Icons, drawn in lines on a grid of 20.

use std::fmt;

use askama::filters::HtmlSafe;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Overview,
    Campaigns,
    Members,
    Contacts,
    Inbox,
    Gateways,
    Routes,
    Senders,
    Templates,
    Reports,
    Exports,
    Keys,
    Settings,
    Letters,
    Privacy,
    Audit,
    Webhooks,
    Guide,
    Plus,
    Pause,
    Play,
    Stop,
    Copy,
    Menu,
    Alert,
    Check,
}

impl Icon {
    const fn lines(self) -> &'static str {
        match self {
            Self::Overview => "M3 3h6v6H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 11h6v6H3z",
            Self::Campaigns => "M3 8.5v3l2.5.5L14 16V4L5.5 8zM5.5 12l1 4.5h2L8 12.8M17 8v4",
            Self::Members => {
                "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.5c.4-3 2.600-4.500 5.500-4.500s5.100 1.500 5.500 4.500M13 4a3 3 0 0 1 0 5.300M15 12.400c1.700.600 2.800 2 3 4.100"
            }
            Self::Contacts => {
                "M4 3.500h11.500v13H4zM2.500 7H5M2.500 13H5M10 9.500a1.900 1.900 0 1 0 0-3.800 1.900 1.900 0 0 0 0 3.800zM6.800 14c.300-1.700 1.500-2.700 3.200-2.700s2.900 1 3.200 2.700"
            }
            Self::Inbox => "M3 11.500 5 4h10l2 7.500V16H3zM3 11.500h4l1 2h4l1-2h4",
            Self::Gateways => {
                "M6 16V9m8 7V9M3 16h14M10 6.500v-2M6.500 6.500a5 5 0 0 1 7 0M4 4a8.500 8.500 0 0 1 12 0"
            }
            Self::Routes => {
                "M3 10h4l4-5h6M7 10l4 5h6M14.500 2.500 17 5l-2.500 2.500M14.500 12.500 17 15l-2.500 2.500"
            }
            Self::Senders => "M4 4h12v9H9l-4 3.500V13H4zM8 8.500h4",
            Self::Templates => "M5 3h10v14H5zM8 7h4M8 10h4M8 13h2",
            Self::Reports => "M3 17h14M5 14V9M9 14V5M13 14v-3M16.500 14V7",
            Self::Exports => "M10 3v9M6.500 8.500 10 12l3.500-3.500M4 13v3.500h12V13",
            Self::Keys => "M12.500 10.500a4 4 0 1 0-3-3L3 14v3h3v-2h2v-2h1.500zM13.500 6.500v.1",
            Self::Settings => {
                "M3 6h8m4 0h2M3 14h2m4 0h8M13 4.200a1.800 1.800 0 1 1 0 3.600 1.800 1.800 0 0 1 0-3.600zM7 12.200a1.800 1.800 0 1 1 0 3.600 1.800 1.800 0 0 1 0-3.600z"
            }
            Self::Privacy => {
                "M10 2.500l6.500 2.500v4.500c0 4-2.700 6.700-6.500 8-3.800-1.300-6.500-4-6.500-8V5zM7.500 10l2 2 3.500-4"
            }
            Self::Letters => "M3 5h14v10H3zM3 5.500l7 5.500 7-5.500",
            Self::Audit => "M4 5h.1M4 10h.1M4 15h.1M7.500 5H17M7.500 10H17M7.500 15H17",
            Self::Webhooks => {
                "M8 8.500a3.500 3.500 0 1 1 4.500 0l2.500 4.500M12.500 13.500H7.500M10 6l-3 6M5.500 17a2.500 2.500 0 1 1 0-5M15 17a2.500 2.500 0 1 0-1.500-4.500"
            }
            Self::Guide => {
                "M4 4.500C6 3.500 8.500 3.800 10 5v11.500c-1.500-1.200-4-1.500-6-.5zM16 4.500c-2-1-4.500-.7-6 .5v11.500c1.500-1.200 4-1.500 6-.5z"
            }
            Self::Plus => "M10 4v12M4 10h12",
            Self::Pause => "M7 4.5v11M13 4.5v11",
            Self::Play => "M6.500 4.500v11l9-5.500z",
            Self::Stop => "M5 5h10v10H5z",
            Self::Copy => "M7 7h9v9H7zM13 7V4H4v9h3",
            Self::Menu => "M3 6h14M3 10h14M3 14h14",
            Self::Alert => "M10 3 18 16.500H2zM10 8.500v3.500M10 14.200v.1",
            Self::Check => "M4 10.500 8.500 15 16 5.500",
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        write!(
            f,
            "<svg class=\"icon\" width=\"20\" height=\"20\" viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path d=\"{lines}\"/></svg>"
        )
    }
}

impl HtmlSafe for Icon {}
