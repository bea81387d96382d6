"""Who does the work: RewardLab and its peers, one file each, behind which its interface stays."""
