//! What the NOR must hold so that a program that was handed to us runs from the next reset on.
//!
//! A load-and-run boot stage copies the appli: it is stored elsewhere than where it executes. A boot stage that checks a header starts
//! nothing but the image that was made of the appli, so that image is programmed instead, if it was made of this very appli.

use super::{FlashError, Transaction};
use crate::{
    image::{Image, mcuboot},
    layout::{Address, BoardProfile, BootMode, LoadAndRun, Memory},
};

impl Transaction {
    /// Moves what a boot stage copies to its storage, and puts `image` (`--image`) in the place of the appli that it was made of.
    pub fn stored(
        mut self,
        profile: &BoardProfile,
        image: Option<&Image>,
    ) -> Result<Self, FlashError> {
        if let Some(copy) = profile.load_and_run() {
            self.move_to_storage(profile, copy)?;
        }
        let Some(first) = self.first_in_nor(profile) else {
            return Ok(self);
        };
        match image {
            Some(image) => self.replace_by(image, profile)?,
            None if profile.boot_mode == BootMode::Signed && !self.has_header() => {
                return Err(FlashError::NoHeader { first });
            }
            None => {}
        }
        Ok(self)
    }

    fn move_to_storage(
        &mut self,
        profile: &BoardProfile,
        copy: &LoadAndRun,
    ) -> Result<(), FlashError> {
        let copied: Vec<_> = self
            .writes_mut()
            .iter_mut()
            .filter(|(address, _)| profile.is_copied(*address))
            .collect();
        let ends = copied
            .iter()
            .map(|(address, data)| u64::from(address.0) + data.len() as u64);
        let end = ends.max().unwrap_or(0);
        // What lies behind the copied bytes in the same memory would be missing after the next reset.
        if end > copy.destination_range().end {
            return Err(FlashError::CopyTooShort {
                needed: end - copy.destination_range().start,
                copied: copy.size,
            });
        }
        for (address, _) in copied {
            *address = profile.stored_at(*address);
        }
        Ok(())
    }

    fn replace_by(&mut self, image: &Image, profile: &BoardProfile) -> Result<(), FlashError> {
        let signed = image.signed();
        if signed.is_some_and(|signed| !signed.has_its_hash()) {
            return Err(FlashError::ImageDamaged { file: image.name() });
        }
        if signed.is_none() && profile.boot_mode == BootMode::Signed {
            return Err(FlashError::NotSigned { file: image.name() });
        }
        let is_encrypted = signed.is_some_and(|signed| signed.is_encrypted());
        let is_nor = |address: &Address| is_in_nor(profile, *address);
        let writes = self.writes_mut();
        for (address, data) in writes.iter().filter(|(address, _)| is_nor(address)) {
            let mut made = vec![0; data.len()];
            let length = image.read(*address, &mut made);
            let differs = made[..length].iter().zip(data).position(|(a, b)| a != b);
            let first = differs.or((length < data.len()).then_some(length));
            if let Some(offset) = first
                && !is_encrypted
            {
                return Err(FlashError::StaleImage {
                    file: image.name(),
                    at: Address(address.0.wrapping_add(offset as u32)),
                });
            }
        }
        writes.retain(|(address, _)| !is_nor(address));
        writes.extend(
            image
                .placement(profile)
                .windows
                .into_iter()
                .map(|segment| (segment.address, segment.data.clone())),
        );
        Ok(())
    }

    fn first_in_nor(&self, profile: &BoardProfile) -> Option<Address> {
        let addresses = self.writes().iter().map(|(address, _)| *address);
        addresses
            .filter(|address| is_in_nor(profile, *address))
            .min()
    }

    /// True if one of the pieces begins with a header.
    fn has_header(&self) -> bool {
        let mut pieces = self.writes().iter();
        pieces.any(|(_, data)| data.starts_with(&mcuboot::MAGIC.to_le_bytes()))
    }
}

fn is_in_nor(profile: &BoardProfile, address: Address) -> bool {
    profile
        .window(address)
        .is_some_and(|window| window.memory == Memory::Nor)
}
